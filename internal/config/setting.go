package config

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/internal/gateways"
	"github.com/orderloom/orderloom/payments/sandbox"
)

// Setting describes one environment variable.
type Setting struct {
	Name string
	// Alias is a variable that is read where Name is not set; empty for none.
	Alias string
	// Default is used when the variable is not set; empty for none.
	Default string
	// Example is a value for the .env example where there is no default.
	Example string
	// Form says what the value has to be, such as "a duration from 1s to 1h".
	Form string
	// Help is one sentence on what it does.
	Help string
	// Required lists the roles that don't start without it.
	Required []Role
	// Secret values are never printed.
	Secret bool
	// Group is the heading it stands under.
	Group string

	set func(*Config, string) error
}

// Limits of what settings may ask for; beyond them lies a typing mistake rather than a wish.
const (
	bodyBytesMax   = 16 << 20
	connectionsMax = 1_000
	partitionsMax  = 1_000
	deadlineMax    = 90 * 24 * time.Hour
)

var (
	serving  = []Role{RoleAPI, RoleWorker, RoleProjector, RoleAll}
	database = append([]Role{RoleMigrate, RoleOrphans, RoleRecover, RoleRewrapKeys}, serving...)
	temporal = []Role{RoleAPI, RoleWorker, RoleAll, RoleSetup, RoleReconcile, RoleOrphans, RoleRecover}
	kafka    = []Role{RoleWorker, RoleProjector, RoleAll, RoleSetup, RoleRecover}
	sealing  = []Role{RoleAPI, RoleWorker, RoleAll, RoleRewrapKeys}
	sagas    = []Role{RoleWorker, RoleAll}
)

// Settings is every setting, in the order in which they are documented.
var Settings = slices.Concat(
	group("Addresses of what the platform runs on",
		databaseURL("DATABASE_URL", "PostgreSQL of the event store and the read model.",
			"postgres://orderloom:orderloom@localhost:5432/orderloom", database, func(c *Config) *Secret { return &c.Database.URL }),
		hostPort("TEMPORAL_ADDRESS", "", "Temporal's frontend.", "localhost:7233", temporal, func(c *Config) *string { return &c.Temporal.Address }),
		hostPorts("KAFKA_BROKERS", "Kafka brokers to begin with; the others are learnt from them.",
			"localhost:9092", kafka, func(c *Config) *[]string { return &c.Kafka.Brokers }),
		redisURL("REDIS_URL", "Redis for the cache of single orders; without it nothing is cached.",
			"redis://localhost:6379/0", func(c *Config) *Secret { return &c.Redis.URL }),
		webURL("SCHEMA_REGISTRY_URL", "Schema registry to which setup writes the events' schemas; without it they are only in docs/events.",
			"http://localhost:8081", func(c *Config) *string { return &c.Kafka.SchemaRegistryURL }),
	),
	group("HTTP",
		hostPort("ORDERLOOM_HTTP_ADDRESS", ":8080", "Where to listen: the API (api, all), and /health and /metrics of every serving role.",
			"", nil, func(c *Config) *string { return &c.HTTP.Address }),
		duration("ORDERLOOM_HTTP_READ_HEADER_TIMEOUT", "5s", 100*time.Millisecond, time.Minute,
			"How long a client may take to send a request's headers.", func(c *Config) *time.Duration { return &c.HTTP.ReadHeaderTimeout }),
		duration("ORDERLOOM_HTTP_READ_TIMEOUT", "15s", 100*time.Millisecond, 5*time.Minute,
			"How long a client may take to send a whole request.", func(c *Config) *time.Duration { return &c.HTTP.ReadTimeout }),
		duration("ORDERLOOM_HTTP_REQUEST_TIMEOUT", "10s", 100*time.Millisecond, 5*time.Minute,
			"How long the work for one request may take.", func(c *Config) *time.Duration { return &c.HTTP.RequestTimeout }),
		duration("ORDERLOOM_HTTP_WRITE_TIMEOUT", "30s", 100*time.Millisecond, 10*time.Minute,
			"How long a request may take from its headers to the end of its answer.", func(c *Config) *time.Duration { return &c.HTTP.WriteTimeout }),
		duration("ORDERLOOM_HTTP_IDLE_TIMEOUT", "120s", time.Second, time.Hour,
			"How long an idle connection is kept.", func(c *Config) *time.Duration { return &c.HTTP.IdleTimeout }),
		integer("ORDERLOOM_HTTP_RATE", "500", 0, 1_000_000, "How many requests a second a caller may make in the long run; 0 bounds nothing. "+
			"With REDIS_URL it holds over all processes, and otherwise in each. "+
			"Callers are told apart by their keys, and without one by their addresses.", func(c *Config, v int64) { c.HTTP.Rate = int(v) }),
		integer("ORDERLOOM_HTTP_BURST", "1000", 1, 1_000_000, "How many requests a caller may make at once after a rest.",
			func(c *Config, v int64) { c.HTTP.Burst = int(v) }),
		integer("ORDERLOOM_HTTP_ORDER_RATE", "100", 0, 1_000_000, "How many orders a second a caller may place in the long run; 0 bounds nothing. "+
			"At most a quarter of what the platform carries leaves the others theirs.", func(c *Config, v int64) { c.HTTP.OrderRate = int(v) }),
		integer("ORDERLOOM_HTTP_CONNECTIONS_MAX", "1024", 0, 100_000, "How many connections an address may have at a process; 0 bounds nothing. "+
			"Proxies that are trusted may have sixteen times as many.", func(c *Config, v int64) { c.HTTP.Connections = int(v) }),
		origins("ORDERLOOM_HTTP_ORIGINS", "Origins whose pages may call the API from a browser; without any, none may. Give browsers tokens of "+
			"customers, and never a key.", "https://shop.example.com", func(c *Config) *[]string { return &c.HTTP.Origins }),
		text("ORDERLOOM_HTTP_TLS_CERT_PATH", "", "PEM file of the certificate with which to serve TLS; without it something before the API has to. "+
			"A file that is replaced is used within a second.", "/tls/tls.crt", func(c *Config) *string { return &c.HTTP.TLS.CertFile }),
		text("ORDERLOOM_HTTP_TLS_KEY_PATH", "", "PEM file of the certificate's key.", "/tls/tls.key", func(c *Config) *string { return &c.HTTP.TLS.KeyFile }),
		text("ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH", "", "PEM file of the authorities that sign clients' certificates. With it every client needs one, "+
			"besides its key: mutual TLS.", "/tls/clients.crt", func(c *Config) *string { return &c.HTTP.TLS.ClientCAFile }),
		hostPort("ORDERLOOM_OPERATIONS_ADDRESS", "",
			"Where to serve /metrics, /health and /ready to those who run the platform, without a key. "+
				"Keep it in their network. On ORDERLOOM_HTTP_ADDRESS, the API's /metrics needs a key with metrics:read.",
			"localhost:9464", nil, func(c *Config) *string { return &c.HTTP.OperationsAddress }),
		hostPort("ORDERLOOM_PROFILE_ADDRESS", "",
			"Where to serve profiles of the process at /debug/pprof; not served without it. It has no authentication: keep it on the loopback.",
			"localhost:6060", nil, func(c *Config) *string { return &c.HTTP.ProfileAddress }),
		integer("ORDERLOOM_HTTP_BODY_BYTES_MAX", "262144", 1024, bodyBytesMax,
			"The largest request body that is read.", func(c *Config, n int64) { c.HTTP.BodyBytesMax = n }),
	),
	group("Access to the API",
		choice("ORDERLOOM_API_OPEN", string(OpenNo), []string{string(OpenNo), string(OpenOnLoopback), string(OpenEverywhere)},
			"Whether the API can be called without a key. With loopback the platform refuses to listen elsewhere; everywhere is for a network that is closed.",
			"", nil, func(c *Config, v string) { c.HTTP.Access.Open = Openness(v) }),
		apiKeys("ORDERLOOM_API_KEYS",
			"Keys besides those that \"orderloom keys\" makes, for a first start; each has the role admin unless it says otherwise (docs/access.md)."),
		choice("ORDERLOOM_MODE", string(access.Live), []string{string(access.Live), string(access.Test)},
			"Whether this platform is live, or for trying: its keys begin with ol_live_ or ol_test_, and those of the other kind are refused.",
			"", nil, func(c *Config, v string) { c.HTTP.Access.Mode = access.Mode(v) }),
		duration("ORDERLOOM_KEY_OVERLAP", "24h", 0, access.OverlapMax,
			"How long the former secret of a rotated key holds, where the rotation does not say.",
			func(c *Config) *time.Duration { return &c.HTTP.Access.KeyOverlap }),
		duration("ORDERLOOM_AUDIT_RETENTION", "9600h", 24*time.Hour, 10*365*24*time.Hour,
			"How long the audit is kept, in whole months: who has made keys, changed stock, and was denied what.",
			func(c *Config) *time.Duration { return &c.HTTP.Access.AuditRetention }),
		networks("ORDERLOOM_TRUSTED_PROXIES",
			"Networks of the proxies before the API whose X-Forwarded-For is believed. Wrong keys are counted by the address that it tells.",
			"10.0.0.0/8,192.0.2.7", func(c *Config) *[]netip.Prefix { return &c.HTTP.Access.Proxies }),
		issuerURL("ORDERLOOM_OIDC_ISSUER", "OpenID Connect issuer whose access tokens the API takes besides keys, such as the login of the office.",
			"https://login.example.com", func(c *Config) *string { return &c.HTTP.Access.Issuer.URL }),
		text("ORDERLOOM_OIDC_AUDIENCE", "", "The audience that those tokens must be made for; required with an issuer.", "orderloom",
			func(c *Config) *string { return &c.HTTP.Access.Issuer.Audience }),
		text("ORDERLOOM_OIDC_ROLE_CLAIM", "roles", "Where a token names roles, below objects with dots, such as realm_access.roles.", "",
			func(c *Config) *string { return &c.HTTP.Access.Issuer.RoleClaim }),
		issuerRoles("ORDERLOOM_OIDC_ROLES", "Our roles by the issuer's names; without it the names are taken as they are. Others give no role."),
		accountName("ORDERLOOM_OIDC_ACCOUNT", "office", "The account of those who come with such a token.",
			func(c *Config) *string { return &c.HTTP.Access.Issuer.Account }),
	),
	group("Webhooks",
		boolean("ORDERLOOM_WEBHOOK_PRIVATE", "false", "Let webhooks call addresses that are not of the public internet, and over HTTP: for development. "+
			"Whoever may make an endpoint could reach your network.", func(c *Config, v bool) { c.Webhooks.Private = v }),
		webURL("ORDERLOOM_WEBHOOK_PROXY_URL", "Proxy that all webhooks go through. It looks up names by itself, so it has to refuse private addresses by itself.",
			"http://proxy.internal:3128", func(c *Config) *string { return &c.Webhooks.ProxyURL }),
		duration("ORDERLOOM_WEBHOOK_LOG_RETENTION", "720h", time.Hour, 365*24*time.Hour,
			"How long the log of deliveries is kept: attempts that have failed, and what was sent again.",
			func(c *Config) *time.Duration { return &c.Webhooks.LogRetention }),
	),
	group("Commands that talk to the API",
		withDefault("http://localhost:8080", webURL("ORDERLOOM_URL",
			"The platform that \"orderloom orders\", \"events\", \"import\" and \"webhooks listen\" talk to.",
			"", func(c *Config) *string { return &c.Remote.URL })),
		secret("ORDERLOOM_KEY", "The key of the API, or the token, with which they do.", func(c *Config) *Secret { return &c.Remote.Key }),
	),
	group("Orders",
		locations("ORDERLOOM_LOCATIONS",
			"The locations to begin with, and in which country each lies. They are read at the first start alone; then the API changes them.",
			"berlin:DE,reno:US", sagas),
		duration("ORDERLOOM_PAYMENT_DEADLINE", "24h", time.Second, 7*24*time.Hour,
			"How long an order waits for its payment (a gateway that is down, the customer's bank) before it is cancelled and its stock released.",
			func(c *Config) *time.Duration { return &c.Orders.PaymentDeadline }),
		duration("ORDERLOOM_PAYMENT_REQUIRED_DEADLINE", "168h", time.Second, deadlineMax,
			"How long a confirmed order waits for money that is missing, such as after a declined renewal, before what has not left is cancelled.",
			func(c *Config) *time.Duration { return &c.Orders.PaymentRequiredDeadline }),
		duration("ORDERLOOM_DISPATCH_DEADLINE", "72h", time.Second, deadlineMax,
			"How long a confirmed order waits for its first shipment before operators are told.",
			func(c *Config) *time.Duration { return &c.Orders.DispatchDeadline }),
		boolean("ORDERLOOM_ORPHANS_RESUME", "true",
			"Start a saga for each order that needs one and has none, such as after a termination. With false they are only counted.",
			func(c *Config, v bool) { c.Orders.OrphansResume = v }),
		duration("ORDERLOOM_ORPHANS_EVERY", "1m", time.Second, time.Hour,
			"How often orders without the saga that they need are looked for.",
			func(c *Config) *time.Duration { return &c.Orders.OrphansEvery }),
		duration("ORDERLOOM_STOCK_DEADLINE", "336h", time.Second, deadlineMax,
			"How long an order waits for backordered goods before it is cancelled.",
			func(c *Config) *time.Duration { return &c.Orders.StockDeadline }),
		duration("ORDERLOOM_REVIEW_DEADLINE", "48h", time.Second, deadlineMax,
			"How long an order that is held waits for its review before it is cancelled.",
			func(c *Config) *time.Duration { return &c.Orders.ReviewDeadline }),
		duration("ORDERLOOM_RETURN_REVIEW_DEADLINE", "72h", time.Second, deadlineMax,
			"How long a requested return waits for a decision before operators are told.",
			func(c *Config) *time.Duration { return &c.Orders.ReturnReviewDeadline }),
		duration("ORDERLOOM_RETURN_DEADLINE", "720h", time.Second, deadlineMax,
			"How long the goods of an approved return are waited for before it expires.",
			func(c *Config) *time.Duration { return &c.Orders.ReturnDeadline }),
		amounts("ORDERLOOM_REVIEW_ABOVE", "Orders with a total above the limit in their currency are held for review.", "1000.00:EUR,1200.00:USD",
			func(c *Config) *[]money.Money { return &c.Orders.ReviewAbove }),
		texts("ORDERLOOM_REVIEW_CUSTOMERS", "Customers all of whose orders are held for review.", "cus_17,cus_23",
			func(c *Config) *[]string { return &c.Orders.ReviewCustomers }),
		taxTable("ORDERLOOM_TAX_TABLE",
			"The taxes of each country and tax class, for lines that come without any (docs/money.md); without it these have none.",
			`[{"country":"DE","taxes":[{"name":"MwSt","rate":"0.19"}]}]`, func(c *Config) *pricing.TaxTable { return &c.Orders.Taxes }),
		choice("ORDERLOOM_SHIPPING_CAPTURE", "first", []string{"first", "value"},
			"With which shipment shipping is captured: the first that leaves, or each by its value.", "", nil,
			func(c *Config, v string) { c.Orders.ShippingByValue = v == "value" }),
		numberForm("ORDERLOOM_INVOICE_NUMBER", "INV-{channel}-{year}-{number:06}",
			"How the numbers of invoices are written (docs/invoices.md). What stands before {number} names the series that counts without a gap.",
			func(c *Config) *invoice.Form { return &c.Orders.Invoices.Invoice }),
		numberForm("ORDERLOOM_CREDIT_NOTE_NUMBER", "CN-{channel}-{year}-{number:06}",
			"How the numbers of credit notes are written.", func(c *Config) *invoice.Form { return &c.Orders.Invoices.CreditNote }),
		timeZone("ORDERLOOM_INVOICE_TIME_ZONE", "UTC", "Where the day and the year of an invoice begin.",
			func(c *Config) **time.Location { return &c.Orders.Invoices.Zone }),
	),
	group("Payment gateway",
		append([]Setting{choice("ORDERLOOM_PAYMENT_GATEWAY", "", gateways.All.Names(),
			"Who takes the money. There is no default, so that no shop ships goods that the sandbox has paid for.", sandbox.Name, sagas,
			func(c *Config, v string) { c.Payment.Gateway = v })}, gatewaySettings()...)...,
	),
	group("Personal data",
		masterKeys("ORDERLOOM_MASTER_KEYS",
			"Keys that wrap the customers' data keys, the current one first. To rotate, put a new one in front and keep the old ones.", sealing,
			func(c *Config) *[]MasterKey { return &c.Privacy.MasterKeys }),
		masterKeys("ORDERLOOM_INDEX_KEYS",
			"Keys of the index by which orders are found by email address and phone number, the one of new entries first. "+
				"Api and projector need them, and the projector the master keys too; without them nothing is found by contacts.", nil,
			func(c *Config) *[]MasterKey { return &c.Privacy.IndexKeys }),
	),
	group("PostgreSQL",
		integer("ORDERLOOM_DATABASE_CONNECTIONS_MAX", "16", 2, connectionsMax,
			"The most connections of one process.", func(c *Config, n int64) { c.Database.ConnectionsMax = int32(n) }),
		integer("ORDERLOOM_DATABASE_CONNECTIONS_MIN", "2", 0, connectionsMax,
			"Connections that are kept open.", func(c *Config, n int64) { c.Database.ConnectionsMin = int32(n) }),
		duration("ORDERLOOM_DATABASE_CONNECT_TIMEOUT", "5s", 100*time.Millisecond, time.Minute,
			"How long to try to connect.", func(c *Config) *time.Duration { return &c.Database.ConnectTimeout }),
		duration("ORDERLOOM_DATABASE_STATEMENT_TIMEOUT", "30s", 100*time.Millisecond, time.Hour,
			"How long one statement may run.", func(c *Config) *time.Duration { return &c.Database.StatementTimeout }),
		text("ORDERLOOM_DATABASE_RUNTIME_ROLE", "", "The role of PostgreSQL that the processes have, where it is not the owner of the schema. "+
			"Migrate and setup give it what it needs.", "orderloom_runtime", func(c *Config) *string { return &c.Database.RuntimeRole }),
		boolean("ORDERLOOM_CONFIRM_BY_HAND", "false",
			"Let a person confirm an event store that was restored or failed over, also when it is proven to have every event.",
			func(c *Config, v bool) { c.Database.ConfirmByHand = v }),
	),
	group("Temporal",
		text("TEMPORAL_NAMESPACE", "orderloom", "The namespace of the sagas; setup creates it.", "", func(c *Config) *string { return &c.Temporal.Namespace }),
		duration("ORDERLOOM_TEMPORAL_RETENTION", "168h", 24*time.Hour, 365*24*time.Hour,
			"How long closed sagas stay visible in a namespace that setup creates.", func(c *Config) *time.Duration { return &c.Temporal.Retention }),
		or("TEMPORAL_DEPLOYMENT_NAME", text("ORDERLOOM_DEPLOYMENT", "",
			"The name of this deployment to Temporal's Worker Deployment Versioning; without it versions are not told apart.", "",
			func(c *Config) *string { return &c.Temporal.Deployment })),
		or("TEMPORAL_WORKER_BUILD_ID", text("ORDERLOOM_BUILD_ID", "", "The version of this build, with a deployment: one for each build that is rolled out.", "",
			func(c *Config) *string { return &c.Temporal.BuildID })),
		webURL("ORDERLOOM_TEMPORAL_UI_URL", "Temporal's Web UI, for the links that make run prints.", "http://localhost:8233",
			func(c *Config) *string { return &c.Temporal.UIURL }),
		secret("TEMPORAL_API_KEY", "API key, such as Temporal Cloud asks for; it turns TLS on.", func(c *Config) *Secret { return &c.Temporal.APIKey }),
	),
	group("Temporal", tlsSettings("TEMPORAL", "A certificate path or an API key turns it on too.",
		func(c *Config) *TLS { return &c.Temporal.TLS }, func(c *Config) bool { return c.Temporal.APIKey != "" })...),
	group("Encryption of what Temporal stores",
		masterKeys("ORDERLOOM_PAYLOAD_KEYS",
			"Keys that encrypt the payloads of the sagas, the current one first; without them payloads are stored in the clear. docs/encryption.md says how to rotate.",
			[]Role{RoleCodecServer}, func(c *Config) *[]MasterKey { return &c.Temporal.PayloadKeys }),
		boolean("ORDERLOOM_PAYLOAD_ENCRYPTION", "true", "With false, the payload keys only decrypt: a step on the way of turning encryption on or off.",
			func(c *Config, v bool) { c.Temporal.EncryptPayloads = v }),
		hostPort("ORDERLOOM_CODEC_ADDRESS", ":8088", "Where the codec server listens.", "", nil, func(c *Config) *string { return &c.Codec.Address }),
		origins("ORDERLOOM_CODEC_ORIGINS", "Origins of the Temporal Web UI, which alone may ask the codec server from a browser.", "http://localhost:8233",
			func(c *Config) *[]string { return &c.Codec.Origins }),
		secret("ORDERLOOM_CODEC_TOKEN", "A token that the codec server accepts, of at least 16 characters; for development and scripts.",
			func(c *Config) *Secret { return &c.Codec.Token }),
		issuerURL("ORDERLOOM_CODEC_ISSUER", "OpenID Connect issuer whose access tokens the codec server accepts: the one of the Web UI's login.",
			"https://login.example.com", func(c *Config) *string { return &c.Codec.Issuer }),
		text("ORDERLOOM_CODEC_AUDIENCE", "", "The audience that those access tokens must be made for; required with an issuer.", "orderloom-codec",
			func(c *Config) *string { return &c.Codec.Audience }),
	),
	group("Kafka",
		integer("ORDERLOOM_KAFKA_PARTITIONS", "12", 1, partitionsMax,
			"Partitions of each topic that setup creates. Adding some later would break the order of an aggregate's events.",
			func(c *Config, n int64) { c.Kafka.TopicPartitions = int(n) }),
		integer("ORDERLOOM_KAFKA_REPLICATION", "1", 1, 10,
			"Copies of each topic that setup creates; 3 in production.", func(c *Config, n int64) { c.Kafka.TopicReplication = int(n) }),
		duration("ORDERLOOM_KAFKA_RETENTION", "168h", time.Hour, 10*365*24*time.Hour,
			"How long the topics that setup creates keep events; the event store keeps them for ever.",
			func(c *Config) *time.Duration { return &c.Kafka.TopicRetention }),
		pairs("ORDERLOOM_KAFKA_TOPIC_SETTINGS",
			"Further settings of the topics, by Kafka's names, which setup gives them. With cleanup.policy=compact Kafka keeps the last event of each aggregate only.",
			"segment.bytes=268435456;cleanup.policy=delete", func(c *Config) *map[string]string { return &c.Kafka.TopicSettings }),
		text("ORDERLOOM_KAFKA_PROJECTOR_GROUP", "orderloom-projector", "Consumer group of the projector.", "",
			func(c *Config) *string { return &c.Kafka.ProjectorGroup }),
		choice("KAFKA_SASL_MECHANISM", "", saslMechanisms, "How to prove to Kafka who we are; without it nobody asks.", "", nil,
			func(c *Config, v string) { c.Kafka.SASL.Mechanism = v }),
		text("KAFKA_SASL_USERNAME", "", "The user's name; with KAFKA_SASL_TOKEN_URL the client's id.", "",
			func(c *Config) *string { return &c.Kafka.SASL.Username }),
		secret("KAFKA_SASL_PASSWORD", "The user's password; with KAFKA_SASL_TOKEN_URL the client's secret.",
			func(c *Config) *Secret { return &c.Kafka.SASL.Password }),
		text("KAFKA_SASL_TOKEN_PATH", "", "File with the access token for OAUTHBEARER. It is read for each connection, so that others can renew it.", "",
			func(c *Config) *string { return &c.Kafka.SASL.TokenFile }),
		webURL("KAFKA_SASL_TOKEN_URL", "Where to ask for access tokens for OAUTHBEARER, by OAuth 2.0 client credentials.",
			"", func(c *Config) *string { return &c.Kafka.SASL.TokenURL }),
		texts("KAFKA_SASL_TOKEN_SCOPES", "The scopes of those access tokens.", "kafka", func(c *Config) *[]string { return &c.Kafka.SASL.TokenScopes }),
		text("SCHEMA_REGISTRY_USERNAME", "", "The user's name at the schema registry; without it nobody asks.", "orderloom",
			func(c *Config) *string { return &c.Kafka.SchemaRegistryUsername }),
		secret("SCHEMA_REGISTRY_PASSWORD", "The user's password at the schema registry.",
			func(c *Config) *Secret { return &c.Kafka.SchemaRegistryPassword }),
	),
	group("Kafka", tlsSettings("KAFKA", "A certificate path turns it on too.", func(c *Config) *TLS { return &c.Kafka.TLS }, nil)...),
	group("Redis",
		duration("ORDERLOOM_CACHE_TTL", "300s", time.Second, 24*time.Hour,
			"How long an order stays cached.", func(c *Config) *time.Duration { return &c.Redis.TTL }),
	),
	group("Redis", tlsSettings("REDIS", "A certificate path or a rediss:// URL turns it on too.", func(c *Config) *TLS { return &c.Redis.TLS },
		func(c *Config) bool { return strings.HasPrefix(string(c.Redis.URL), "rediss:") })...),
	group("Logs and traces",
		choice("ORDERLOOM_LOG_LEVEL", "info", []string{"debug", "info", "warn", "error"},
			"The least level that is logged. Reads that succeed are logged at debug.", "", nil,
			func(c *Config, v string) { c.Telemetry.LogLevel = logLevels[v] }),
		choice("ORDERLOOM_LOG_FORMAT", "json", []string{"json", "text"}, "One JSON object per line, or text for people.", "", nil,
			func(c *Config, v string) { c.Telemetry.LogFormat = v }),
		text("OTEL_SERVICE_NAME", "orderloom", "The name of the service in traces; the role is added.", "",
			func(c *Config) *string { return &c.Telemetry.ServiceName }),
		webURL("OTEL_EXPORTER_OTLP_ENDPOINT", "Collector that takes OTLP over HTTP; traces go to /v1/traces below it. Tracing is off without it.",
			"http://localhost:4318", func(c *Config) *string { return &c.Telemetry.OTLPEndpoint }),
		headers("OTEL_EXPORTER_OTLP_HEADERS", "Headers that go with each export.", func(c *Config) *map[string]Secret { return &c.Telemetry.OTLPHeaders }),
		ratio("ORDERLOOM_TRACE_RATIO", "1", "The part of new traces that is kept.", func(c *Config) *float64 { return &c.Telemetry.TraceRatio }),
	),
	group("Stopping",
		duration("ORDERLOOM_DRAIN_TIMEOUT", "25s", time.Second, 10*time.Minute,
			"How long a stopping process may take to finish or hand over what it holds; stay below the killer's patience (Kubernetes: 30 s).",
			func(c *Config) *time.Duration { return &c.DrainTimeout }),
		duration("ORDERLOOM_DRAIN_DELAY", "5s", 0, time.Minute,
			"How long a stopping API takes requests on, while GET /ready already says that it stops. Load balancers have to notice within that time. "+
				"It takes at most half of ORDERLOOM_DRAIN_TIMEOUT.",
			func(c *Config) *time.Duration { return &c.HTTP.DrainDelay }),
	),
)

// saslMechanisms are those of package broker.
var saslMechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", mechanismOAuth}

const mechanismOAuth = "OAUTHBEARER"

var logLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
