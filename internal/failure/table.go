package failure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/segmentio/kafka-go"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Row is a class of errors.
type Row struct {
	// Server whose errors they are: PostgreSQL, Temporal, Kafka, or any.
	Server string
	// Class as the server calls it: SQLSTATEs, or types of errors.
	Class string
	// About says in a few words what has happened.
	About string
	Kind  Kind

	is func(error) bool
}

// Servers of the table.
const (
	postgres  = "PostgreSQL"
	workflows = "Temporal"
	broker    = "Kafka"
	anyServer = "any"
)

// Table has all classes of errors. The first row that fits counts.
var Table = slices.Concat(ofOurs, ofPostgres, ofTemporal, ofKafka, ofConnections)

// ofOurs are errors that tell of themselves that they pass.
var ofOurs = []Row{
	{anyServer, "an error that says so itself", "an open breaker, a part that has stopped, an encryption key of another process", Passes, saysThatItPasses},
}

func saysThatItPasses(err error) bool {
	var e interface{ Passes() bool }
	return errors.As(err, &e) && e.Passes()
}

// ofPostgres are the answers of PostgreSQL (its documentation, appendix A). A code of five characters stands before its
// class.
var ofPostgres = []Row{
	{postgres, "08P01", "a pooler or the server refuses how this program speaks", Lasts, states("08P01")},
	{postgres, "08", "the connection is lost or can't be made", Passes, states("08")},
	{postgres, "22 of a parameter", "a value of the request is none of the column's", Value, ofParameter},
	{postgres, "22", "a row of the platform holds what can't be read", Lasts, states("22")},
	{postgres, "23", "a row contradicts another, after all rules have agreed", Lasts, states("23")},
	{postgres, "25006", "the server takes no writes: it is a standby, or is set so", Passes, states("25006")},
	{postgres, "25P03, 25P04", "a transaction was open for too long", Passes, states("25P03", "25P04")},
	{postgres, "28", "the server refuses the user or the password of the platform", Lasts, states("28")},
	{postgres, "40", "transactions have met: a serialisation failure or a deadlock", Passes, states("40")},
	{postgres, "42, 3D, 3F", "the schema is not that of this program, or rights are missing", Lasts, states("42", "3D", "3F")},
	{postgres, "53", "no room: connections, disk or memory", Passes, states("53")},
	{postgres, "54", "the statement is beyond a limit of the server", Lasts, states("54")},
	{postgres, "55P03", "a lock was waited for too long", Passes, states("55P03")},
	{postgres, "57", "the server starts, stops, or has ended the statement or the session", Passes, states("57")},
	{postgres, "58030", "the server's own disk fails, and another server takes over", Passes, states("58030")},
	{postgres, "XX000 of a first session", "no room for the file that the first session after a change of the schema writes", Passes, withoutInitFile},
	{postgres, "every other", "nothing that is known to pass", Lasts, one[*pgconn.PgError]},
}

// states returns what finds answers with these SQLSTATEs or of these classes.
func states(prefixes ...string) func(error) bool {
	return func(err error) bool {
		var answer *pgconn.PgError
		return errors.As(err, &answer) && slices.ContainsFunc(prefixes, func(p string) bool {
			return len(answer.Code) >= len(p) && answer.Code[:len(p)] == p
		})
	}
}

// withoutInitFile reports whether PostgreSQL ends a session that could not write what later ones begin with, as on a
// full disk. It has no SQLSTATE of its own for that, and does not translate the text.
func withoutInitFile(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == "XX000" && answer.Message == "could not write init file"
}

// parameter is how PostgreSQL names a parameter in the context of an error, in whatever language. It names no
// parameter for an error in the statement itself. Statements that it quotes there have their own parameters.
var parameter = regexp.MustCompile(`(?m)^[^"\n]*\$\d+`)

// ofParameter reports whether a parameter of a statement could not be read. Statements get as parameters what comes
// with the request.
func ofParameter(err error) bool {
	var answer *pgconn.PgError
	return states("22")(err) && errors.As(err, &answer) && parameter.MatchString(answer.Where)
}

// ofTemporal are the answers of Temporal.
var ofTemporal = []Row{
	{
		workflows, "Unavailable, NamespaceUnavailable", "a part of the server does not answer", Passes,
		either(one[*serviceerror.Unavailable], one[*serviceerror.NamespaceUnavailable]),
	},
	{workflows, "ResourceExhausted", "the server is busy, or the order is", Passes, one[*serviceerror.ResourceExhausted]},
	{workflows, "DeadlineExceeded", "the server was too slow", Passes, one[*serviceerror.DeadlineExceeded]},
	{workflows, "Canceled", "the request has ended before the answer", Late, one[*serviceerror.Canceled]},
	{workflows, "Aborted, MultiOperationAborted", "others were first", Passes, either(one[*serviceerror.Aborted], one[*serviceerror.MultiOperationAborted])},
	{workflows, "Internal", "the server has failed within: its own clients try again", Passes, one[*serviceerror.Internal]},
	{workflows, "WorkflowNotReady", "a step of the saga has failed, and is tried again", Passes, one[*serviceerror.WorkflowNotReady]},
	{workflows, "NamespaceNotFound", "the server's database is new, until orderloom setup has run", Passes, one[*serviceerror.NamespaceNotFound]},
	{workflows, "NamespaceNotActive", "another cluster leads", Passes, one[*serviceerror.NamespaceNotActive]},
	{workflows, "NotFound", "no saga of the order is open", Missing, one[*serviceerror.NotFound]},
	{workflows, "WorkflowExecutionAlreadyStarted", "the same order was placed before", Known, one[*serviceerror.WorkflowExecutionAlreadyStarted]},
	{workflows, "AlreadyExists", "a thing that is made once", Lasts, one[*serviceerror.AlreadyExists]},
	{
		workflows, "InvalidArgument, QueryFailed", "this program has asked for nonsense", Lasts,
		either(one[*serviceerror.InvalidArgument], one[*serviceerror.QueryFailed]),
	},
	{
		workflows, "FailedPrecondition, NamespaceInvalidState", "the server is not set up for that", Lasts,
		either(one[*serviceerror.FailedPrecondition], one[*serviceerror.NamespaceInvalidState]),
	},
	{workflows, "PermissionDenied, Unauthenticated", "the server refuses the key or the certificate of the platform", Lasts, deniedByTemporal},
	{
		workflows, "Unimplemented, ClientVersionNotSupported, ServerVersionNotSupported", "the server is too old or too new", Lasts,
		either(one[*serviceerror.Unimplemented], one[*serviceerror.ClientVersionNotSupported], one[*serviceerror.ServerVersionNotSupported]),
	},
	{workflows, "DataLoss", "the server has lost data", Lasts, one[*serviceerror.DataLoss]},
}

func either(each ...func(error) bool) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(each, func(is func(error) bool) bool { return is(err) })
	}
}

func deniedByTemporal(err error) bool {
	return one[*serviceerror.PermissionDenied](err) || status.Code(err) == codes.Unauthenticated
}

// ofKafka are the answers of Kafka. No request of the API depends on it: the relay and the projectors meet them.
var ofKafka = []Row{
	{broker, "errors that Kafka calls retriable", "brokers change their roles, or are busy", Passes, fromKafka(true)},
	{broker, "every other", "rights or settings are missing", Lasts, fromKafka(false)},
}

func fromKafka(temporary bool) func(error) bool {
	return func(err error) bool {
		var answer kafka.Error
		return errors.As(err, &answer) && answer.Temporary() == temporary
	}
}

// ofConnections are errors without an answer.
var ofConnections = []Row{
	{anyServer, "TLS is refused", "a certificate is not taken, by either side", Lasts, refusesTLS},
	{anyServer, "the request's time is over", "no answer came in time", Late, outOfTime},
	{anyServer, "no connection", "refused, broken, timed out, or no address is known", Passes, unconnected},
}

func refusesTLS(err error) bool {
	return one[*tls.CertificateVerificationError](err) || one[x509.UnknownAuthorityError](err) || one[x509.HostnameError](err) ||
		one[tls.RecordHeaderError](err) || one[tls.AlertError](err)
}

func outOfTime(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// unconnected reports whether a connection has failed. A text that ends too early is none of that.
func unconnected(err error) bool {
	if one[*jsontext.SyntacticError](err) {
		return false
	}
	return one[*net.OpError](err) || one[*net.DNSError](err) || one[*url.Error](err) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed)
}
