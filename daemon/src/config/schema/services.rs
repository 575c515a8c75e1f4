//! Sections of handlers that speak a protocol: Kafka, MQTT, mail, SNMP.

use super::Kind::{Bool, Duration, Int, List, Map, MaybeInt, Secret, Text};
use super::State::Later;
use super::{Section, key};

pub(super) static KAFKA: Section = Section::list(
    "kafka",
    "id",
    "Kafka clusters to send alerts to.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text("default"), "Name of this element."),
        key("brokers", List(&[]), "Addresses of brokers, host:port."),
        key("timeout", Duration("0s"), "Longest time of one request; 0s is the default of the service. Too short gives up on a slow receiver."),
        key("batch-size", Int(0), "Points that are handed on together. Smaller costs CPU, larger waits longer."),
        key("batch-timeout", Duration("0s"), "Longest wait for a batch to fill. Shorter costs CPU, longer delays points."),
        key("use-ssl", Bool(false), "Speak TLS."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
        key("sasl-username", Text(""), "User of SASL."),
        key("sasl-password", Secret(""), "Password of SASL."),
        key("sasl_extensions", Map, "Extensions of SASL OAUTHBEARER."),
        key("sasl-mechanism", Text(""), "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI or OAUTHBEARER."),
        key("sasl-version", MaybeInt, "Version of the SASL handshake; unset = chosen by the broker."),
        key("sasl-gssapi-service-name", Text(""), "Service name of Kerberos."),
        key("sasl-gssapi-auth-type", Text(""), "KRB5_USER_AUTH or KRB5_KEYTAB_AUTH."),
        key("sasl-gssapi-disable-pafxfast", Bool(false), "Do not use PA-FX-FAST."),
        key("sasl-gssapi-kerberos-config-path", Text(""), "Configuration file of Kerberos."),
        key("sasl-gssapi-key-tab-path", Text(""), "Key table of Kerberos."),
        key("sasl-gssapi-realm", Text(""), "Realm of Kerberos."),
        key("sasl-oauth-service", Text(""), "Kind of OAuth service."),
        key("sasl-oauth-client-id", Text(""), "Client id of OAuth."),
        key("sasl-oauth-client-secret", Secret(""), "Client secret of OAuth."),
        key("sasl-oauth-token-url", Text(""), "Where OAuth tokens are fetched."),
        key("sasl-oauth-scopes", List(&[]), "Scopes of OAuth."),
        key("sasl-oauth-parameters", Map, "Further parameters of OAuth."),
        key("sasl-oauth-token-expiry-margin", Duration("10s"), "How long before its end a token is renewed."),
        key("sasl-access-token", Secret(""), "A fixed OAuth token."),
        key("sasl-oauth-tenant-id", Text(""), "Tenant of OAuth."),
    ],
)
.state(Later)
.filled()
.overridable();

pub(super) static MQTT: Section = Section::list(
    "mqtt",
    "name",
    "MQTT brokers to send alerts to.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("name", Text("default"), "Name of this element."),
        key("default", Bool(false), "The element that is used where a script names none. Exactly one enabled element has it."),
        key("url", Text(""), "Address of the service."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
        key("client-id", Text(""), "Client id told to the broker. Empty: the name."),
        key("username", Text(""), "User name to sign in with."),
        key("password", Secret(""), "Password to sign in with."),
    ],
)
.state(Later)
.filled()
.single()
.overridable();

pub(super) static SMTP: Section = Section::table(
    "smtp",
    "Alerts by mail.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("host", Text("localhost"), "Mail server."),
        key("port", Int(25), "Port of the mail server."),
        key("username", Text(""), "User name to sign in with."),
        key("password", Secret(""), "Password to sign in with."),
        key("no-verify", Bool(false), "Do not verify the certificate of the mail server."),
        key(
            "global",
            Bool(false),
            "Send every alert here, even if its task does not name the handler.",
        ),
        key(
            "state-changes-only",
            Bool(false),
            "With global: send only events that change the level.",
        ),
        key("from", Text(""), "Address of the sender."),
        key("to", List(&[]), "Default addresses of receivers."),
        key("toTemplates", List(&[]), "Default receivers as templates."),
        key("idle-timeout", Duration("30s"), "How long an unused connection stays open."),
    ],
)
.state(Later)
.overridable();

pub(super) static SNMPTRAP: Section = Section::table(
    "snmptrap",
    "Alerts as SNMP traps.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("addr", Text("localhost:162"), "Receiver of traps, host:port."),
        key("community", Secret("kapacitor"), "Community of the receiver."),
        key("retries", Int(1), "Repeats of a trap without an answer."),
    ],
)
.state(Later)
.overridable();
