package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones also where the system has none

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
)

// errForm says that a value does not have its setting's form, with nothing to add to that.
var errForm = errors.New("")

func group(name string, settings ...Setting) []Setting {
	for i := range settings {
		settings[i].Group = name
	}
	return settings
}

func text(name, def, help, example string, at func(*Config) *string) Setting {
	return Setting{Name: name, Default: def, Example: example, Form: "text", Help: help, set: func(c *Config, v string) error {
		*at(c) = v
		return nil
	}}
}

// or returns a setting that is also read from another variable, which some tool sets.
func or(alias string, s Setting) Setting {
	s.Alias = alias
	s.Help = strings.TrimSuffix(s.Help, ".") + ". Where it is not set, " + alias + " is read, which Temporal's Worker Controller sets."
	return s
}

// tlsSettings are how to talk TLS to one server, whose names begin with prefix. Turns says what turns it on besides,
// and also when that is so, where it is another setting.
func tlsSettings(prefix, turns string, at func(*Config) *TLS, also func(*Config) bool) []Setting {
	// path is a text that turns TLS on where it is given.
	path := func(name, help string, field func(*TLS) *string) Setting {
		s := text(prefix+name, "", help, "", nil)
		s.set = func(c *Config, v string) error {
			*field(at(c)), at(c).Enabled = v, true
			return nil
		}
		return s
	}
	return []Setting{
		boolean(prefix+"_TLS", "false", "Talk TLS. "+turns, func(c *Config, v bool) {
			at(c).Enabled = at(c).Enabled || v || also != nil && also(c)
		}),
		path("_TLS_SERVER_CA_CERT_PATH", "PEM file of the authorities that sign the server's certificate; the system's without it.",
			func(t *TLS) *string { return &t.CAFile }),
		path("_TLS_CLIENT_CERT_PATH", "PEM file of the client's certificate, for mutual TLS. It is read for each connection.",
			func(t *TLS) *string { return &t.CertFile }),
		path("_TLS_CLIENT_KEY_PATH", "PEM file of the client certificate's key.", func(t *TLS) *string { return &t.KeyFile }),
		path("_TLS_SERVER_NAME", "The name to expect in the server's certificate, where it is not the address.",
			func(t *TLS) *string { return &t.ServerName }),
	}
}

func secret(name, help string, at func(*Config) *Secret) Setting {
	return Setting{Name: name, Form: "text", Help: help, Secret: true, set: func(c *Config, v string) error {
		*at(c) = Secret(v)
		return nil
	}}
}

func boolean(name, def, help string, to func(*Config, bool)) Setting {
	return Setting{Name: name, Default: def, Form: "true or false", Help: help, set: func(c *Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return errForm
		}
		to(c, b)
		return nil
	}}
}

func integer(name, def string, low, high int64, help string, to func(*Config, int64)) Setting {
	return Setting{Name: name, Default: def, Form: fmt.Sprintf("a whole number from %d to %d", low, high), Help: help, set: func(c *Config, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < low || n > high {
			return errForm
		}
		to(c, n)
		return nil
	}}
}

func ratio(name, def, help string, at func(*Config) *float64) Setting {
	return Setting{Name: name, Default: def, Form: "a number from 0 to 1", Help: help, set: func(c *Config, v string) error {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f >= 0 && f <= 1) { // written so that NaN is refused
			return errForm
		}
		*at(c) = f
		return nil
	}}
}

func duration(name, def string, low, high time.Duration, help string, at func(*Config) *time.Duration) Setting {
	form := fmt.Sprintf("a duration from %s to %s", short(low), short(high))
	return Setting{Name: name, Default: def, Form: form, Help: help, set: func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < low || d > high {
			return errForm
		}
		*at(c) = d
		return nil
	}}
}

// short writes a duration without the units that are zero: 1h rather than 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func choice(name, def string, words []string, help, example string, required []Role, to func(*Config, string)) Setting {
	form := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	return Setting{Name: name, Default: def, Example: example, Form: form, Help: help, Required: required, set: func(c *Config, v string) error {
		if !slices.Contains(words, v) {
			return errForm
		}
		to(c, v)
		return nil
	}}
}

func hostPort(name, def, help, example string, required []Role, at func(*Config) *string) Setting {
	return Setting{Name: name, Default: def, Example: example, Form: "host:port", Help: help, Required: required, set: func(c *Config, v string) error {
		if err := checkHostPort(v); err != nil {
			return err
		}
		*at(c) = v
		return nil
	}}
}

func hostPorts(name, help, example string, required []Role, at func(*Config) *[]string) Setting {
	return Setting{Name: name, Example: example, Form: "host:port,host:port,…", Help: help, Required: required, set: func(c *Config, v string) error {
		list := split(v)
		for _, a := range list {
			if host, _, _ := net.SplitHostPort(a); host == "" {
				return errForm
			}
			if err := checkHostPort(a); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errForm
		}
		*at(c) = list
		return nil
	}}
}

func checkHostPort(v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return errForm
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || (n == 0 && port != "0") {
		return fmt.Errorf("%q is not a port", port)
	}
	return nil
}

func databaseURL(name, help, example string, required []Role, at func(*Config) *Secret) Setting {
	return urlSecret(Setting{Name: name, Example: example, Form: "postgres://user:password@host:port/database", Help: help, Required: required},
		[]string{"postgres", "postgresql"}, at)
}

func redisURL(name, help, example string, at func(*Config) *Secret) Setting {
	return urlSecret(Setting{Name: name, Example: example, Form: "redis://user:password@host:port/database, or rediss:// for TLS", Help: help},
		[]string{"redis", "rediss"}, at)
}

// urlSecret is a URL that may hold a password, so the whole of it is a secret.
func urlSecret(s Setting, schemes []string, at func(*Config) *Secret) Setting {
	s.Secret = true
	s.set = func(c *Config, v string) error {
		// A parse error would repeat the URL with its password, so it is left out.
		u, err := url.Parse(v)
		if err != nil || !slices.Contains(schemes, u.Scheme) || (u.Host == "" && u.Query().Get("host") == "") {
			return errForm
		}
		*at(c) = Secret(v)
		return nil
	}
	return s
}

func webURL(name, help, example string, at func(*Config) *string) Setting {
	return Setting{Name: name, Example: example, Form: "http://… or https://…, without user and password", Help: help, set: func(c *Config, v string) error {
		u, err := url.Parse(v)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			return errForm
		}
		*at(c) = strings.TrimRight(v, "/")
		return nil
	}}
}

// issuerURL is [webURL] with the slash at its end, where it has one. An issuer is compared letter by letter (OpenID
// Connect Discovery 1.0, section 4.3).
func issuerURL(name, help, example string, at func(*Config) *string) Setting {
	s := webURL(name, help, example, at)
	set := s.set
	s.set = func(c *Config, v string) error {
		err := set(c, v)
		if err == nil {
			*at(c) = v
		}
		return err
	}
	return s
}

// withDefault gives a setting a value for when it is not set.
func withDefault(value string, s Setting) Setting {
	s.Default = value
	return s
}

func origins(name, help, example string, at func(*Config) *[]string) Setting {
	return Setting{Name: name, Example: example, Form: "http://host:port,https://host,…, without a path", Help: help, set: func(c *Config, v string) error {
		list := split(v)
		for _, o := range list {
			// A browser sends its origin in lower case and without a slash; it is compared as it is.
			u, err := url.Parse(o)
			if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || o != strings.ToLower(u.Scheme+"://"+u.Host) {
				return errForm
			}
		}
		*at(c) = list
		return nil
	}}
}

func headers(name, help string, at func(*Config) *map[string]Secret) Setting {
	return Setting{Name: name, Form: "name=value,name=value,…, percent-encoded", Help: help, Secret: true, set: func(c *Config, v string) error {
		m := map[string]Secret{}
		for _, pair := range split(v) {
			key, value, ok := strings.Cut(pair, "=")
			key = strings.TrimSpace(key)
			plain, err := url.PathUnescape(strings.TrimSpace(value))
			if !ok || key == "" || err != nil {
				return errForm
			}
			m[key] = Secret(plain)
		}
		*at(c) = m
		return nil
	}}
}

// idForm is what names of keys may look like: they become parts of ids and columns.
var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

func locations(name, help, example string, required []Role) Setting {
	form := "name:COUNTRY,name:COUNTRY,… with ISO 3166-1 alpha-2 countries"
	return Setting{Name: name, Example: example, Form: form, Help: help, Required: required, set: func(c *Config, v string) error {
		var list []inventory.Location
		for _, item := range split(v) {
			id, country, _ := strings.Cut(item, ":")
			switch {
			case !location.ValidID(id):
				return fmt.Errorf("%q is not a name of at most 32 of a-z, 0-9, - and _", domain.Clip(id))
			case !order.KnownCountry(country):
				return fmt.Errorf("%q is not a country code in upper case", domain.Clip(country))
			case slices.ContainsFunc(list, func(l inventory.Location) bool { return l.ID == id }):
				return fmt.Errorf("%s is there twice", id)
			}
			list = append(list, inventory.Location{ID: id, Country: country})
		}
		if len(list) == 0 {
			return errForm
		}
		c.Orders.Locations = list
		return nil
	}}
}

// numberForm reads how numbers of invoices are written.
func numberForm(name, def, help string, at func(*Config) *invoice.Form) Setting {
	return Setting{
		Name: name, Default: def, Form: "{channel}, {year} and text, then {number} or such as {number:06}", Help: help,
		set: func(c *Config, v string) (err error) {
			var refusal *domain.Error
			if *at(c), err = invoice.ParseForm(v); errors.As(err, &refusal) {
				return errors.New(refusal.Message)
			}
			return err
		},
	}
}

func timeZone(name, def, help string, at func(*Config) **time.Location) Setting {
	return Setting{
		Name: name, Default: def, Form: "a name of the IANA time zone database, such as Europe/Berlin", Help: help,
		set: func(c *Config, v string) (err error) {
			if *at(c), err = time.LoadLocation(v); err != nil || v == "" || v == "Local" {
				return errForm
			}
			return nil
		},
	}
}

// masterKeyBytes is the length of an AES-256 key.
const masterKeyBytes = 32

func masterKeys(name, help string, required []Role, at func(*Config) *[]MasterKey) Setting {
	form := "id:key,id:key,… with each key 32 bytes in base64 (openssl rand -base64 32)"
	return Setting{Name: name, Form: form, Help: help, Required: required, Secret: true, set: func(c *Config, v string) error {
		var keys []MasterKey
		for i, item := range split(v) {
			// The errors tell the place only: where the colon was forgotten, the id is the key.
			id, text, _ := strings.Cut(item, ":")
			key, err := base64.StdEncoding.DecodeString(text)
			switch {
			case !idForm.MatchString(id):
				return fmt.Errorf("entry %d has no id of at most 32 of a-z, 0-9, - and _", i+1)
			case err != nil:
				return fmt.Errorf("the key of entry %d is not base64", i+1)
			case len(key) != masterKeyBytes:
				return fmt.Errorf("the key of entry %d has %d bytes", i+1, len(key))
			case slices.ContainsFunc(keys, func(k MasterKey) bool { return k.ID == id }):
				return fmt.Errorf("entry %d has the id of an earlier one", i+1)
			}
			keys = append(keys, MasterKey{ID: id, Key: key})
		}
		if len(keys) == 0 {
			return errForm
		}
		*at(c) = keys
		return nil
	}}
}

// split cuts a list at its commas and drops white space and empty entries.
func split(v string) []string {
	var list []string
	for _, item := range strings.Split(v, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// amounts reads limits of money, one per currency.
func amounts(name, help, example string, at func(*Config) *[]money.Money) Setting {
	form := "amount:CURRENCY,amount:CURRENCY,… with ISO 4217 currencies"
	return Setting{Name: name, Example: example, Form: form, Help: help, set: func(c *Config, v string) error {
		var list []money.Money
		for _, item := range split(v) {
			amount, currency, _ := strings.Cut(item, ":")
			m, err := money.Parse(amount, currency)
			if err != nil {
				return err
			}
			list = append(list, m)
		}
		*at(c) = list
		return nil
	}}
}

// taxTable reads a table of taxes: JSON, or the path of a file that holds it.
func taxTable(name, help, example string, at func(*Config) *pricing.TaxTable) Setting {
	return Setting{Name: name, Example: example, Form: "a JSON list of rows, or the path of a file with one", Help: help, set: func(c *Config, v string) error {
		text := []byte(v)
		if !strings.HasPrefix(strings.TrimSpace(v), "[") {
			var err error
			if text, err = os.ReadFile(v); err != nil {
				return err
			}
		}
		table, err := pricing.ParseTaxTable(text)
		if err != nil {
			return err
		}
		for i, row := range table {
			if !order.KnownCountry(row.Country) {
				return fmt.Errorf("[%d].country: %q is not a country code in upper case", i, domain.Clip(row.Country))
			}
		}
		*at(c) = table
		return nil
	}}
}

// pairs reads settings of another program, of which neither names nor values are known here.
func pairs(name, help, example string, at func(*Config) *map[string]string) Setting {
	return Setting{Name: name, Example: example, Form: "name=value;name=value;…", Help: help, set: func(c *Config, v string) error {
		all := map[string]string{}
		for item := range strings.SplitSeq(v, ";") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			name, value, found := strings.Cut(item, "=")
			if name = strings.TrimSpace(name); !found || name == "" {
				return fmt.Errorf("%q is not name=value", domain.Clip(item))
			}
			if _, twice := all[name]; twice {
				return fmt.Errorf("%s is there twice", domain.Clip(name))
			}
			all[name] = strings.TrimSpace(value)
		}
		*at(c) = all
		return nil
	}}
}

func texts(name, help, example string, at func(*Config) *[]string) Setting {
	return Setting{Name: name, Example: example, Form: "text,text,…", Help: help, set: func(c *Config, v string) error {
		*at(c) = split(v)
		return nil
	}}
}
