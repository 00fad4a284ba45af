// Package privacy seals personal data where it enters the platform and opens it where it is shown.
//
// Everything between, Temporal's histories, events, Kafka, views and caches, holds only
// [domain.Sealed], under a key of the customer's own. [Vault.Erase] destroys that key: the events stay,
// valid and replayable, and their personal section reads as erased wherever a copy lies.
//
//	keys, err := privacy.NewMasterKeys(privacy.MasterKey{ID: "2026", Key: key})
//	vault := privacy.NewVault(pool, keys, privacy.Options{})
//	sealed, err := vault.Seal(ctx, customerID, order.Recipient{…})
//	err = vault.Open(ctx, sealed, &recipient) // ErrErased once vault.Erase(ctx, customerID) was called
//
// Data keys lie in the table customer_keys. A master key that only the processes have wraps each of them (envelope
// encryption, NIST SP 800-57 part 1, section 5.3.6: key-encryption keys). Ciphers are AES-256-GCM (NIST SP 800-38D)
// with random nonces. The name of the key is authenticated with the data, so a ciphertext can't be moved under
// another customer's key.
//
// What is left after an erasure: processes keep a key in memory for at most [CacheTTL], so personal data may be shown
// for that long. Backups of the database hold the wrapped key until they expire. Whoever restores one erases again,
// from a list of erasures that is kept outside of the database. Data sealed inline, while the database was down, is
// under no customer's key until the first step of the saga reseals it. The inline copy in the saga's input lives as
// long as Temporal keeps its history.
package privacy
