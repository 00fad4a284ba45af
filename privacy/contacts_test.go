package privacy_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/contact"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/projector/views/orders"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func index(t *testing.T, ids ...string) *privacy.Index {
	t.Helper()
	var keys []privacy.IndexKey
	for _, id := range ids {
		keys = append(keys, privacy.IndexKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)})
	}
	x, err := privacy.NewIndex(keys...)
	require.NoError(t, err)
	return x
}

// One contact has one MAC in any spelling. Another key, another kind and another contact have others.
func TestMACsOfContacts(t *testing.T) {
	t.Parallel()
	mac := func(x *privacy.Index, email string) string {
		macs, ok := x.Emails(email)
		require.True(t, ok, email)
		return string(macs[0])
	}
	a := index(t, "a")
	require.Equal(t, mac(a, "Ada@Example.com"), mac(a, " ada@EXAMPLE.com "))
	require.Len(t, mac(a, "ada@example.com"), 16)
	require.NotEqual(t, mac(a, "ada@example.com"), mac(a, "bob@example.com"))
	require.NotEqual(t, mac(a, "ada@example.com"), mac(index(t, "b"), "ada@example.com"))
	one, ok := a.Phones("+49 30 1234567")
	require.True(t, ok)
	other, ok := a.Phones("+49 (0)30-1234567")
	require.True(t, ok)
	require.Equal(t, one, other)
	both, ok := index(t, "b", "a").Phones("+49301234567")
	require.True(t, ok)
	require.Len(t, both, 2, "of a rotation, under either key")
	require.Equal(t, one[0], both[1])
	_, ok = a.Emails("nobody")
	require.False(t, ok)
	_, ok = a.Phones("030 1234567")
	require.False(t, ok)
	for _, keys := range [][]privacy.IndexKey{nil, {{ID: "", Key: make([]byte, 32)}}, {{ID: "a", Key: make([]byte, 31)}}, {{ID: "a", Key: make([]byte, 32)}, {ID: "a", Key: make([]byte, 32)}}} {
		_, err := privacy.NewIndex(keys...)
		require.Error(t, err)
	}
}

// found is a store of orders whose contacts are indexed.
type found struct {
	t      *testing.T
	pool   *pgxpool.Pool
	store  *eventstore.Store
	vault  *privacy.Vault
	reader *readmodel.Reader
	seen   int64
}

func newFound(t *testing.T) *found {
	t.Helper()
	pool := pgtest.Pool(t)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	return &found{
		t: t, pool: pool, store: store, vault: privacy.NewVault(pool, master("a"), privacy.Options{Forget: orders.Forget}),
		reader: readmodel.NewReader(pool, readmodel.Options{Events: streams{store}}),
	}
}

// contacts fills an index as another process does.
func (f *found) contacts(x *privacy.Index) *privacy.Contacts {
	return privacy.NewContacts(privacy.NewVault(f.pool, master("a"), privacy.Options{}), x)
}

func (f *found) maintainer(contacts orders.Contacts) *maintain.Maintainer {
	return maintain.New(projector.NewMender(projector.MenderOptions{Pool: f.pool, Source: streams{f.store}, Projections: views.Indexed(contacts)}))
}

// place stores an order of a customer, who is named by the address before the "@".
func (f *found) place(email, phone string) uuid.UUID {
	f.t.Helper()
	return f.placeFor("cust-"+email[:3], email, phone)
}

func (f *found) placeFor(customer, email, phone string) uuid.UUID {
	f.t.Helper()
	sealed, err := f.vault.Seal(f.t.Context(), customer, order.Recipient{
		ShippingAddress: ada.ShippingAddress, Contact: order.Contact{Name: "N", Email: email, Phone: phone},
	})
	require.NoError(f.t, err)
	return place(f.t, eventstore.NewRepository(f.store, eventstore.RepositoryOptions{}), sealed)
}

// project applies what is new.
func (f *found) project(m *maintain.Maintainer) {
	f.t.Helper()
	page, err := f.store.Read(f.t.Context(), eventstore.ReadOptions{After: f.seen})
	require.NoError(f.t, err)
	require.NoError(f.t, m.Project(f.t.Context(), page.Events))
	f.seen = page.Next
}

// byEmail returns the orders with an email address, oldest first.
func (f *found) byEmail(x *privacy.Index, email string) []uuid.UUID {
	f.t.Helper()
	macs, ok := x.Emails(email)
	require.True(f.t, ok)
	return f.list(readmodel.OrderQuery{Emails: macs, Sort: readmodel.SortCreated})
}

func (f *found) byPhone(x *privacy.Index, phone string) []uuid.UUID {
	f.t.Helper()
	macs, ok := x.Phones(phone)
	require.True(f.t, ok)
	return f.list(readmodel.OrderQuery{Phones: macs, Sort: readmodel.SortCreated})
}

func (f *found) list(q readmodel.OrderQuery) (ids []uuid.UUID) {
	f.t.Helper()
	page, err := f.reader.Orders(f.t.Context(), q)
	require.NoError(f.t, err)
	for _, o := range page.Orders {
		ids = append(ids, o.OrderID)
	}
	return ids
}

func (f *found) unindexed() int64 {
	f.t.Helper()
	n, err := readmodel.UnindexedContacts(f.t.Context(), f.pool)
	require.NoError(f.t, err)
	return n
}

func (f *found) rebuild(m *maintain.Maintainer) []maintain.TableDiff {
	f.t.Helper()
	report, err := m.Rebuild(f.t.Context(), f.store, orders.Name, maintain.RebuildOptions{})
	require.NoError(f.t, err)
	require.True(f.t, report.Swapped)
	require.NoError(f.t, m.DropOld(f.t.Context(), orders.Name))
	return report.Diff
}

func TestOrdersAreFoundByTheirContactUntilItIsErased(t *testing.T) {
	t.Parallel()
	f, x := newFound(t), index(t, "a")
	m := f.maintainer(f.contacts(x))
	first, second := f.place("ada@example.com", "+49301234567"), f.place("ada@Example.com", "")
	third := f.place("bob@example.com", "+49301234567")
	f.project(m)
	require.Equal(t, []uuid.UUID{first, second}, f.byEmail(x, "ADA@example.com"))
	require.Equal(t, []uuid.UUID{first, third}, f.byPhone(x, "+49 30 1234567"))
	require.Empty(t, f.byEmail(x, "eve@example.com"))
	require.Empty(t, f.byEmail(index(t, "b"), "ada@example.com"), "under another key")
	for _, secret := range []string{"ada@", "301234567"} {
		require.Zero(t, rowsWith(t, f.pool, secret), "nowhere in the clear")
	}

	done, err := f.vault.Erase(t.Context(), "cust-ada")
	require.NoError(t, err)
	require.Equal(t, 1, done.Destroyed)
	require.Empty(t, f.byEmail(x, "ada@example.com"))
	require.Equal(t, []uuid.UUID{third}, f.byPhone(x, "+49301234567"))
	for _, d := range f.rebuild(m) {
		require.Zero(t, d.Different+d.OnlyLive+d.OnlyShadow, d.Table)
	}
	require.Empty(t, f.byEmail(x, "ada@example.com"), "a rebuild does not bring it back")
	require.Equal(t, []uuid.UUID{third}, f.byPhone(x, "+49301234567"))
	require.Zero(t, f.unindexed())

	again := f.placeFor("cust-ada", "ada@example.com", "")
	f.project(m)
	require.Equal(t, []uuid.UUID{again}, f.byEmail(x, "ada@example.com"), "a customer who comes back")
}

// An erasure reaches the tables that a rebuild is filling, and those that it has replaced.
func TestAnErasureReachesTheTablesOfARebuild(t *testing.T) {
	t.Parallel()
	f, x := newFound(t), index(t, "a")
	m := f.maintainer(f.contacts(x))
	f.place("ada@example.com", "")
	f.project(m)
	_, err := m.Rebuild(t.Context(), f.store, orders.Name, maintain.RebuildOptions{})
	require.NoError(t, err, "the old tables stay")
	count := func(table string) (n int) {
		require.NoError(t, f.pool.QueryRow(t.Context(), "SELECT count(*) FROM orderloom."+table).Scan(&n))
		return n
	}
	require.Equal(t, []int{1, 1}, []int{count("order_contacts"), count("order_contacts__old")})
	_, err = f.vault.Erase(t.Context(), "cust-ada")
	require.NoError(t, err)
	require.Equal(t, []int{0, 0}, []int{count("order_contacts"), count("order_contacts__old")})
}

// A projector without the keys goes on, and what it leaves out is counted until a rebuild with them.
func TestAProjectorWithoutTheKeysLeavesOrdersOut(t *testing.T) {
	t.Parallel()
	f, x := newFound(t), index(t, "a")
	without := maintain.New(projector.NewMender(projector.MenderOptions{Pool: f.pool, Source: streams{f.store}, Projections: views.All()}))
	id := f.place("ada@example.com", "")
	f.project(without)
	unopened := f.place("bob@example.com", "")
	f.project(f.maintainer(privacy.NewContacts(privacy.NewVault(f.pool, privacy.NoMasterKeys{}, privacy.Options{}), x)))
	require.Empty(t, f.byEmail(x, "ada@example.com"))
	require.EqualValues(t, 2, f.unindexed())
	f.rebuild(f.maintainer(f.contacts(x)))
	require.Equal(t, []uuid.UUID{id}, f.byEmail(x, "ada@example.com"))
	require.Equal(t, []uuid.UUID{unopened}, f.byEmail(x, "bob@example.com"))
	require.Zero(t, f.unindexed())
}

func TestAnIndexKeyIsRotated(t *testing.T) {
	t.Parallel()
	f := newFound(t)
	old, both := index(t, "a"), index(t, "b", "a")
	first := f.place("ada@example.com", "")
	f.project(f.maintainer(f.contacts(old)))
	second := f.place("ada@example.com", "")
	f.project(f.maintainer(f.contacts(both)))
	require.Equal(t, []uuid.UUID{first, second}, f.byEmail(both, "ada@example.com"))
	f.rebuild(f.maintainer(f.contacts(both)))
	require.Equal(t, []uuid.UUID{first, second}, f.byEmail(index(t, "b"), "ada@example.com"))
	indexed, err := readmodel.IndexedUnder(t.Context(), f.pool, "a")
	require.NoError(t, err)
	require.False(t, indexed, "nothing needs the old key")
}

// An amendment moves the order to its new contact, and one that takes the contact out leaves no entry.
func TestAnAmendedOrderIsFoundByItsNewContact(t *testing.T) {
	t.Parallel()
	f, x := newFound(t), index(t, "a")
	m := f.maintainer(f.contacts(x))
	id := f.placeFor("ada", "ada@example.com", "+49301234567")
	f.project(m)
	amend := func(c order.Contact) {
		sealed, err := f.vault.Seal(t.Context(), "ada", order.Recipient{ShippingAddress: ada.ShippingAddress, Contact: c})
		require.NoError(t, err)
		_, _, err = eventstore.Execute(t.Context(), eventstore.NewRepository(f.store, eventstore.RepositoryOptions{}), ordersOf, id,
			eventstore.Stamp{Source: uuid.NewString(), At: time.Now()}, func(o order.Order) ([]domain.Event, error) {
				return order.Amend(o, order.AmendAddress{RequestID: uuid.New(), Country: "GB", Personal: sealed, By: order.ByCustomer, At: time.Now()})
			})
		require.NoError(t, err)
		f.project(m)
	}
	amend(order.Contact{Name: "N", Email: "eve@example.com", Phone: "+49301234567"})
	require.Empty(t, f.byEmail(x, "ada@example.com"))
	require.Equal(t, []uuid.UUID{id}, f.byEmail(x, "eve@example.com"))
	require.Equal(t, []uuid.UUID{id}, f.byPhone(x, "+49301234567"))
	amend(order.Contact{Name: "N"})
	require.Empty(t, f.byEmail(x, "eve@example.com"))
	require.Empty(t, f.byPhone(x, "+49301234567"))
}

// held stops a projector between what it has opened and what it writes.
type held struct {
	orders.Contacts
	opened, goOn chan struct{}
}

func (h held) Entries(ctx context.Context, tx pgx.Tx, sealed []domain.Sealed) ([]contact.Entry, error) {
	entries, err := h.Contacts.Entries(ctx, tx, sealed)
	close(h.opened)
	<-h.goOn
	return entries, err
}

// A projector that has opened a section writes its entry before the erasure drops it. Without the lock the entry would
// come after, and stay.
func TestAnErasureWaitsForAProjectorThatHasOpenedTheSection(t *testing.T) {
	t.Parallel()
	f, x := newFound(t), index(t, "a")
	f.place("ada@example.com", "")
	h := held{Contacts: f.contacts(x), opened: make(chan struct{}), goOn: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() { f.project(f.maintainer(h)) })
	<-h.opened
	erased := make(chan error, 1)
	all.Go(func() {
		_, err := f.vault.Erase(t.Context(), "cust-ada")
		erased <- err
	})
	require.Eventually(t, func() bool {
		var waits bool
		err := f.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
		return err == nil && waits
	}, 10*time.Second, 10*time.Millisecond, "the erasure waits")
	close(h.goOn)
	all.Wait()
	require.NoError(t, <-erased)
	require.Empty(t, f.byEmail(x, "ada@example.com"))
}

// "orderloom verify" finds an entry that is not the contact's, one that is missing, and one that should be gone.
func TestVerifyComparesTheIndexWithWhatWasSealed(t *testing.T) {
	t.Parallel()
	f, x := newFound(t), index(t, "a")
	m := f.maintainer(f.contacts(x))
	wrong := func() (keys []string) {
		v, err := m.Verify(t.Context(), f.store, nil)
		require.NoError(t, err)
		for _, d := range v.Differences {
			require.Equal(t, "order_contacts", d.View, "%+v", d)
			require.NotContains(t, d.Want+d.Have, "ada")
			keys = append(keys, d.Key)
		}
		return keys
	}
	ada, bob, eve := f.place("ada@example.com", "+49301234567"), f.place("bob@example.com", ""), f.place("eve@example.com", "")
	f.placeFor("nobody", "", "")
	f.project(m)
	require.Empty(t, wrong())
	do := func(sql string, arguments ...any) {
		_, err := f.pool.Exec(t.Context(), sql, arguments...)
		require.NoError(t, err)
	}
	do("UPDATE orderloom.order_contacts SET phone = 'another' WHERE order_id = $1", ada)
	do("DELETE FROM orderloom.order_contacts WHERE order_id = $1", bob)
	require.ElementsMatch(t, []string{ada.String(), bob.String()}, wrong())
	do("UPDATE orderloom.order_contacts SET index_key = 'before' WHERE order_id = $1", ada)
	require.Equal(t, []string{bob.String()}, wrong(), "a rotation has not reached it, and its key is not known")

	_, err := f.vault.Erase(t.Context(), "cust-eve")
	require.NoError(t, err)
	require.Equal(t, []string{bob.String()}, wrong())
	do("INSERT INTO orderloom.order_contacts (order_id, personal_key, index_key, email) VALUES ($1, 'cust-eve:1', 'a', 'eve')", eve)
	require.ElementsMatch(t, []string{bob.String(), eve.String()}, wrong(), "what was erased has to be gone")

	_, err = m.Rebuild(t.Context(), f.store, "orders", maintain.RebuildOptions{})
	require.NoError(t, err)
	require.Empty(t, wrong(), "a rebuild mends it")
}

// What it costs to index the contact of one order of many. Its key is asked for with those of others and unwrapped. The
// section is decrypted and decoded, and two MACs are computed.
func BenchmarkEntries(b *testing.B) {
	const sections = 500
	pool := pgtest.Pool(b)
	vault := privacy.NewVault(pool, master("a"), privacy.Options{})
	x, err := privacy.NewIndex(privacy.IndexKey{ID: "a", Key: bytes.Repeat([]byte("a"), 32)})
	require.NoError(b, err)
	contacts := privacy.NewContacts(vault, x)
	var sealed []domain.Sealed
	for i := range sections {
		s, err := vault.Seal(b.Context(), fmt.Sprint("cust-", i), order.Recipient{
			ShippingAddress: ada.ShippingAddress, Contact: order.Contact{Name: "Ada", Email: fmt.Sprintf("ada%d@example.com", i), Phone: "+49301234567"},
		})
		require.NoError(b, err)
		sealed = append(sealed, s)
	}
	tx, err := pool.Begin(b.Context())
	require.NoError(b, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(b.Context())) }()
	b.ReportAllocs()
	for range b.N {
		entries, err := contacts.Entries(b.Context(), tx, sealed)
		require.NoError(b, err)
		require.Len(b, entries, sections)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*sections), "µs/section")
}
