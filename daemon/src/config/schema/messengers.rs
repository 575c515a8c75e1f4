//! Sections of handlers that talk to people in chats.

use super::Kind::{Bool, Secret, Text};
use super::State::Later;
use super::{Section, key};

pub(super) static DISCORD: Section = Section::list(
    "discord",
    "workspace",
    "Alerts to Discord.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("default", Bool(true), "The element that is used where a script names none. Exactly one enabled element has it."),
        key("workspace", Text(""), "Name of this element, used in scripts."),
        key("url", Secret(""), "Webhook address."),
        key("timestamp", Bool(false), "Put the time on the message."),
        key("username", Text(""), "Name shown as the sender."),
        key("avatar-url", Text(""), "Picture of the sender."),
        key("embed-title", Text(""), "Title of the embed."),
        key("global", Bool(false), "Send every alert here, even if its task does not name the handler."),
        key("state-changes-only", Bool(false), "With global: send only events that change the level."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
    ],
)
.state(Later)
.filled()
.single()
.overridable();

pub(super) static HIPCHAT: Section = Section::table(
    "hipchat",
    "Alerts to Hipchat.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("url", Text(""), "Address of the service."),
        key("token", Secret(""), "Token to sign in with."),
        key("room", Text(""), "Default room."),
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

pub(super) static SLACK: Section = Section::list(
    "slack",
    "workspace",
    "Alerts to Slack.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("default", Bool(true), "The element that is used where a script names none. Exactly one enabled element has it."),
        key("workspace", Text(""), "Name of this element, used in scripts."),
        key("url", Secret(""), "Webhook address."),
        key("token", Secret(""), "Token to sign in with."),
        key("channel", Text(""), "Default channel."),
        key("username", Text("kapacitor"), "Name shown as the sender."),
        key("icon-emoji", Text(""), "Emoji shown as the picture of the sender."),
        key("global", Bool(false), "Send every alert here, even if its task does not name the handler."),
        key("state-changes-only", Bool(false), "With global: send only events that change the level."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
    ],
)
.state(Later)
.filled()
.single()
.overridable();

pub(super) static TALK: Section = Section::table(
    "talk",
    "Alerts to Talk.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("url", Secret(""), "Webhook address."),
        key("author_name", Text(""), "Name shown as the sender."),
    ],
)
.state(Later)
.overridable();

pub(super) static TEAMS: Section = Section::table(
    "teams",
    "Alerts to Teams.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("channel-url", Secret(""), "Webhook address of the channel."),
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

pub(super) static TELEGRAM: Section = Section::table(
    "telegram",
    "Alerts to Telegram.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("url", Text("https://api.telegram.org/bot"), "Address of the service."),
        key("token", Secret(""), "Token to sign in with."),
        key("chat-id", Text(""), "Default chat."),
        key("parse-mode", Text(""), "Markdown or HTML."),
        key("disable-web-page-preview", Bool(false), "Show no preview of links."),
        key("disable-notification", Bool(false), "Make no sound."),
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
