package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Config is every setting of the platform, checked.
type Config struct {
	HTTP      HTTP
	Database  Database
	Temporal  Temporal
	Codec     Codec
	Kafka     Kafka
	Redis     Redis
	Privacy   Privacy
	Orders    Orders
	Payment   Payment
	Webhooks  Webhooks
	Telemetry Telemetry
	Remote    Remote
	// DrainTimeout is how long a stopping process may take to finish or hand over what it holds.
	DrainTimeout time.Duration
}

// Remote is the platform that commands about orders and events talk to over its API.
type Remote struct {
	URL string
	// Key is a key or a token of the API; empty for a platform that is open.
	Key Secret
}

// HTTP is the listener that every serving role has: the API in api and all, and /health and
// /metrics in each of them.
type HTTP struct {
	Address string
	// TLS is how Address is served; empty serves it in the clear.
	TLS               ServedTLS
	ReadHeaderTimeout time.Duration
	ReadTimeout       time.Duration
	WriteTimeout      time.Duration
	IdleTimeout       time.Duration
	// RequestTimeout bounds the work for one request; it is less than WriteTimeout, so that a
	// request which takes too long still gets its answer.
	RequestTimeout time.Duration
	BodyBytesMax   int64
	// DrainDelay is how long a stopping API takes requests on after GET /ready says that it stops.
	DrainDelay time.Duration
	// Rate is how many requests a second a caller may make in the long run, and Burst how many at once after a rest. A
	// rate of 0 bounds nothing.
	Rate, Burst int
	// OrderRate is how many orders a second a caller may place in the long run; 0 bounds nothing.
	OrderRate int
	// Connections is how many an address may have; 0 bounds nothing.
	Connections int
	// Origins are those whose pages may call the API from a browser; empty lets none.
	Origins []string
	// OperationsAddress is where /metrics, /health and /ready are served without a key; empty serves them on Address
	// alone.
	OperationsAddress string
	// ProfileAddress is where profiles are served; empty serves none.
	ProfileAddress string
	Access         Access
}

// ServedTLS is the certificate of a listener and its key, as PEM files. ClientCAFile has the authorities of clients,
// which then have to prove who they are.
type ServedTLS struct{ CertFile, KeyFile, ClientCAFile string }

// Access says who may call the API.
type Access struct {
	// Open lets everyone call who reaches the API, without a key: on the loopback alone, or everywhere.
	Open Openness
	// Mode tells the keys of a live platform from those of one for trying.
	Mode access.Mode
	// Keys are who may call besides those with a key in the database.
	Keys []APIKey
	// KeyOverlap is how long the former secret of a rotated key holds.
	KeyOverlap time.Duration
	// Issuer is an OpenID Connect issuer whose tokens are taken; an empty URL trusts none.
	Issuer Issuer
	// Proxies are the networks of proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// AuditRetention is how long the audit is kept.
	AuditRetention time.Duration
}

// Webhooks says how partners are told of events.
type Webhooks struct {
	// Private allows addresses that are not of the public internet, and HTTP.
	Private bool
	// ProxyURL is the proxy that all deliveries go through; empty for none.
	ProxyURL string
	// LogRetention is how long the log of deliveries is kept.
	LogRetention time.Duration
}

// Issuer is an OpenID Connect issuer whose tokens are taken, and what their callers may do.
type Issuer struct {
	URL, Audience string
	// RoleClaim is where a token names roles. Roles are ours by the issuer's names; nil takes those as they are.
	RoleClaim string
	Roles     map[string]access.Role
	// Account is whom the callers belong to.
	Account string
}

// Openness says whether the API can be called without a key.
type Openness string

// How open an API can be.
const (
	OpenNo         Openness = "no"
	OpenOnLoopback Openness = "loopback"
	OpenEverywhere Openness = "everywhere"
)

// APIKey is a caller of the API. Only the hash of the key is known here.
type APIKey struct {
	Name   string
	SHA256 [32]byte
	Role   access.Role
}

// Database is the PostgreSQL of the event store and the read model.
type Database struct {
	URL            Secret
	ConnectionsMax int32
	ConnectionsMin int32
	ConnectTimeout time.Duration
	// StatementTimeout bounds each statement on the server's side.
	StatementTimeout time.Duration
	// RuntimeRole is the role of PostgreSQL that the processes have; empty where it is the owner of the schema.
	RuntimeRole string
	// ConfirmByHand leaves it to a person to confirm a store that was restored or failed over.
	ConfirmByHand bool
}

// Temporal is the server that runs the sagas.
type Temporal struct {
	Address   string
	Namespace string
	APIKey    Secret
	TLS       TLS
	// Retention is how long closed sagas stay visible in a namespace that setup creates.
	Retention time.Duration
	// Deployment and BuildID name this version of the program to Worker Deployment Versioning; both or none.
	Deployment, BuildID string
	// UIURL is the address of the Web UI for links; empty for none.
	UIURL string
	// PayloadKeys has the current key first; the others only decrypt. Empty leaves payloads in the clear.
	PayloadKeys []MasterKey
	// EncryptPayloads is false while encryption is being turned on or off, with keys that only decrypt.
	EncryptPayloads bool
}

// Codec is the codec server, which decrypts payloads for the Web UI and the command-line tools.
type Codec struct {
	Address string
	// Origins are the Web UI's.
	Origins []string
	// Token is accepted from everybody who has it; empty for none.
	Token Secret
	// Issuer and Audience say whose access tokens are accepted; empty for none.
	Issuer, Audience string
}

// TLS says how to talk to a server over TLS. The paths are of PEM files; empty means the system's
// certificate authorities, and no client certificate.
type TLS struct {
	Enabled    bool
	CAFile     string
	CertFile   string
	KeyFile    string
	ServerName string
}

// Kafka is where events are published.
type Kafka struct {
	Brokers []string
	TLS     TLS
	SASL    SASL
	// TopicPartitions, TopicReplication and TopicRetention are used by setup when it creates the topics.
	TopicPartitions  int
	TopicReplication int
	TopicRetention   time.Duration
	// TopicSettings are further settings of the topics, by their names in Kafka.
	TopicSettings map[string]string
	// ProjectorGroup is the consumer group of the projector.
	ProjectorGroup string
	// SchemaRegistryURL is empty when there is none. Without a user name it is asked without authentication.
	SchemaRegistryURL      string
	SchemaRegistryUsername string
	SchemaRegistryPassword Secret
}

// SASL says who we are to Kafka. Mechanism is empty for nobody.
type SASL struct {
	Mechanism string
	// Username and Password are the client's id and secret where a TokenURL is asked for tokens.
	Username string
	Password Secret
	// TokenFile is read for each connection. TokenURL is an OAuth 2.0 server's. OAUTHBEARER has one of them.
	TokenFile, TokenURL string
	TokenScopes         []string
}

// Redis caches single orders.
type Redis struct {
	// URL is empty for no cache.
	URL Secret
	TLS TLS
	// TTL is how long an order stays cached.
	TTL time.Duration
}

// Privacy is the keys that personal data is sealed under.
type Privacy struct {
	// MasterKeys has the current key first; the others only open what they once wrapped.
	MasterKeys []MasterKey
	// IndexKeys has the key of new entries first; the others only find. Empty indexes no contacts.
	IndexKeys []MasterKey
}

// Orders is how orders are fulfilled.
type Orders struct {
	// Locations are those that the platform begins with. Once it has any, they are changed over the API.
	Locations []inventory.Location
	// PaymentDeadline is how long an order waits for its payment before it is cancelled.
	PaymentDeadline time.Duration
	// PaymentRequiredDeadline is how long a confirmed order waits for money that is missing.
	PaymentRequiredDeadline time.Duration
	// OrphansResume says whether open orders without a saga get one; OrphansEvery is how often they are looked for.
	OrphansResume bool
	OrphansEvery  time.Duration
	// DispatchDeadline is how long a confirmed order waits for its first shipment before operators are told.
	DispatchDeadline time.Duration
	// StockDeadline and ReviewDeadline cancel orders that waited so long for goods or for a review.
	StockDeadline  time.Duration
	ReviewDeadline time.Duration
	// ReturnReviewDeadline is how long a requested return waits for a decision before operators are told.
	// ReturnDeadline is how long the goods of an approved return are waited for.
	ReturnReviewDeadline time.Duration
	ReturnDeadline       time.Duration
	// ReviewAbove and ReviewCustomers say which orders are held for review.
	ReviewAbove     []money.Money
	ReviewCustomers []string
	// Taxes are the taxes of lines that come without any; none in an empty table.
	Taxes pricing.TaxTable
	// ShippingByValue shares shipping lines out over the shipments by what each costs. Otherwise the one that leaves
	// first carries them.
	ShippingByValue bool
	// Invoices are how invoices and credit notes are numbered and dated.
	Invoices invoice.Forms
}

// Payment is the payment gateway.
type Payment struct {
	// Gateway is a name of [gateways.All].
	Gateway string
	// GatewaySettings are what the gateways' own settings are set to, by their names.
	GatewaySettings map[string]Secret
}

// Telemetry is logs and traces; metrics are always at /metrics.
type Telemetry struct {
	LogLevel slog.Level
	// LogFormat is "json" or "text".
	LogFormat   string
	ServiceName string
	// OTLPEndpoint is the base URL of a collector that speaks OTLP over HTTP; empty turns tracing off.
	OTLPEndpoint string
	// OTLPHeaders go with each export; their values may be credentials.
	OTLPHeaders map[string]Secret
	// TraceRatio is the part of new traces that is kept, from 0 to 1.
	TraceRatio float64
}
