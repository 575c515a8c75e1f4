//! Sections of handlers that talk to incident services, and `[[httppost]]`.

use super::Kind::{Bool, Duration, Int, List, Loose, Map, Secret, Table, Text};
use super::State::Later;
use super::{Section, key};

pub(super) static HTTPPOST: Section = Section::list(
    "httppost",
    "endpoint",
    "Endpoints for httpPost nodes and post handlers. Repeat the section for more.",
    &[
        key("endpoint", Text("example"), "Name used in scripts and handlers. Unique."),
        key("url", Text("http://example.com"), "Where to post; a template."),
        key("headers", Map, "Headers to send."),
        key(
            "alert-template",
            Text(""),
            "Template of the body for alerts. Empty: JSON of the event.",
        ),
        key("alert-template-file", Text(""), "File with alert-template."),
        key("row-template", Text(""), "Template of the body for rows. Empty: JSON of the row."),
        key("row-template-file", Text(""), "File with row-template."),
        key(
            "basic-auth",
            Table(&[
                key("username", Text(""), "User of basic authentication."),
                key("password", Secret(""), "Password of basic authentication."),
            ]),
            "Basic authentication.",
        ),
    ],
)
.filled()
.overridable();

pub(super) static ALERTA: Section = Section::table(
    "alerta",
    "Alerts to alerta.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("url", Text(""), "Address of the service."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
        key("token", Secret(""), "Token to sign in with."),
        key("token-prefix", Text(""), "Word before the token in the header."),
        key("environment", Text(""), "Default environment."),
        key("origin", Text(""), "Default origin."),
        key("timeout", Duration("0s"), "Longest time of one request; 0s is the default of the service. Too short gives up on a slow receiver."),
    ],
)
.state(Later)
.overridable();

pub(super) static BIGPANDA: Section = Section::table(
    "bigpanda",
    "Alerts to bigpanda.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("global", Bool(false), "Send every alert here, even if its task does not name the handler."),
        key("app-key", Text(""), "Key of the application."),
        key("token", Secret(""), "Token to sign in with."),
        key("state-changes-only", Bool(false), "With global: send only events that change the level."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
        key("url", Text("https://api.bigpanda.io/data/v2/alerts"), "Address of the service."),
        key("auto-attributes", Text("tags,fields"), "What becomes attributes: tags, fields or both."),
    ],
)
.state(Later)
.overridable();

pub(super) static OPSGENIE: Section = Section::table(
    "opsgenie",
    "Alerts to opsgenie.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("api-key", Secret(""), "Key to sign in with."),
        key("teams", List(&[]), "Default teams."),
        key("recipients", List(&[]), "Default recipients."),
        key("url", Text("https://api.opsgenie.com/v1/json/alert"), "Address of the service."),
        key(
            "recovery_url",
            Text("https://api.opsgenie.com/v1/json/alert/note"),
            "Address for recoveries.",
        ),
        key(
            "global",
            Bool(false),
            "Send every alert here, even if its task does not name the handler.",
        ),
    ],
)
.state(Later)
.overridable();

pub(super) static OPSGENIE2: Section = Section::table(
    "opsgenie2",
    "Alerts to opsgenie2.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("api-key", Secret(""), "Key to sign in with."),
        key("teams", List(&[]), "Default teams."),
        key("recipients", List(&[]), "Default recipients."),
        key("url", Text("https://api.opsgenie.com/v2/alerts"), "Address of the service."),
        key("recovery_action", Text("notes"), "What a recovery does: notes or close."),
        key(
            "global",
            Bool(false),
            "Send every alert here, even if its task does not name the handler.",
        ),
        key("details", Bool(false), "Send tags and fields as details."),
    ],
)
.state(Later)
.overridable();

pub(super) static PAGERDUTY: Section = Section::table(
    "pagerduty",
    "Alerts to pagerduty.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key(
            "url",
            Text("https://events.pagerduty.com/generic/2010-04-15/create_event.json"),
            "Address of the service.",
        ),
        key("service-key", Secret(""), "Key of the service."),
        key(
            "global",
            Bool(false),
            "Send every alert here, even if its task does not name the handler.",
        ),
    ],
)
.state(Later)
.overridable();

pub(super) static PAGERDUTY2: Section = Section::table(
    "pagerduty2",
    "Alerts to pagerduty2.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("url", Text("https://events.pagerduty.com/v2/enqueue"), "Address of the service."),
        key("routing-key", Secret(""), "Key that routes the alert in the service."),
        key(
            "global",
            Bool(false),
            "Send every alert here, even if its task does not name the handler.",
        ),
    ],
)
.state(Later)
.overridable();

pub(super) static PUSHOVER: Section = Section::table(
    "pushover",
    "Alerts to pushover.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("token", Secret(""), "Token to sign in with."),
        key("user-key", Secret(""), "Key of the user or group."),
        key("url", Text("https://api.pushover.net/1/messages.json"), "Address of the service."),
    ],
)
.state(Later)
.overridable();

pub(super) static SENSU: Section = Section::table(
    "sensu",
    "Alerts to sensu.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("addr", Text(""), "Address of the sensu client, host:port."),
        key("source", Text("Kapacitor"), "Name of this sender in the service."),
        key("handlers", List(&[]), "Default handlers."),
    ],
)
.state(Later)
.overridable();

pub(super) static SERVICENOW: Section = Section::table(
    "servicenow",
    "Alerts to servicenow.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key(
            "url",
            Text("https://instance.service-now.com/api/global/em/jsonv2"),
            "Address of the service.",
        ),
        key("source", Text(""), "Name of this sender in the service."),
        key("username", Text(""), "User name to sign in with."),
        key("password", Secret(""), "Password to sign in with."),
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
    ],
)
.state(Later)
.overridable();

pub(super) static VICTOROPS: Section = Section::table(
    "victorops",
    "Alerts to victorops.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("api-key", Secret(""), "Key to sign in with."),
        key("routing-key", Text(""), "Key that routes the alert in the service."),
        key(
            "url",
            Text("https://alert.victorops.com/integrations/generic/20131114/alert"),
            "Address of the service.",
        ),
        key(
            "global",
            Bool(false),
            "Send every alert here, even if its task does not name the handler.",
        ),
        key("json-data", Bool(false), "Send data as JSON instead of a string."),
    ],
)
.state(Later)
.overridable();

pub(super) static ZENOSS: Section = Section::table(
    "zenoss",
    "Alerts to zenoss.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key(
            "url",
            Text("https://tenant.zenoss.io:8080/zport/dmd/evconsole_router"),
            "Address of the service.",
        ),
        key("username", Text(""), "User name to sign in with."),
        key("password", Secret(""), "Password to sign in with."),
        key("action", Text("EventsRouter"), "Router that is called."),
        key("method", Text("add_event"), "Method that is called."),
        key("type", Text("rpc"), "Kind of call."),
        key("tid", Int(1), "Transaction id."),
        key("collector", Text("Kapacitor"), "Collector named in events."),
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
        key(
            "severity-map",
            Table(&[
                key("OK", Loose("Clear"), "Severity of level OK."),
                key("Info", Loose("Info"), "Severity of level INFO."),
                key("Warning", Loose("Warning"), "Severity of level WARNING."),
                key("Critical", Loose("Critical"), "Severity of level CRITICAL."),
            ]),
            "Severities by level.",
        ),
    ],
)
.state(Later)
.overridable();
