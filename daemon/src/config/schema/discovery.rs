//! Sections that find targets to scrape or services to scale.

use super::Kind::{Bool, Duration, Int, List, Map, Secret, Text};
use super::State::Later;
use super::{Section, key};

pub(super) static KUBERNETES: Section = Section::list(
    "kubernetes",
    "id",
    "Kubernetes clusters to scale and to find targets in.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("in-cluster", Bool(false), "Use the service account of the pod."),
        key("api-servers", List(&[]), "Addresses of API servers."),
        key("token", Secret(""), "Token to sign in with."),
        key("ca-path", Text(""), "PEM file with the authority of the API server."),
        key("namespace", Text(""), "Namespace. Empty: all."),
        key("resource", Text(""), "Kind of resource to find: node, pod, service or endpoints."),
    ],
)
.state(Later)
.single()
.overridable();

pub(super) static SWARM: Section = Section::list(
    "swarm",
    "id",
    "Docker swarm clusters to scale.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("servers", List(&[]), "Addresses of the service."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
    ],
)
.state(Later)
.single()
.overridable();

pub(super) static AZURE: Section = Section::list(
    "azure",
    "id",
    "Finds targets to scrape: azure.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("port", Int(80), "Port of the targets that are found."),
        key("subscription-id", Text(""), "Subscription."),
        key("tenant-id", Text(""), "Tenant."),
        key("client-id", Text(""), "Client id."),
        key("client-secret", Secret(""), "Client secret."),
        key(
            "refresh-interval",
            Duration("5m0s"),
            "Time between look-ups. Shorter costs requests, longer finds targets later.",
        ),
    ],
)
.state(Later)
.overridable();

pub(super) static CONSUL: Section = Section::list(
    "consul",
    "id",
    "Finds targets to scrape: consul.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("address", Text("127.0.0.1:8500"), "Address of the service, host:port."),
        key("token", Secret(""), "Token to sign in with."),
        key("datacenter", Text(""), "Data centre."),
        key("tag-separator", Text(","), "What joins several tags into one label."),
        key("scheme", Text("http"), "http or https."),
        key("username", Text(""), "User name to sign in with."),
        key("password", Secret(""), "Password to sign in with."),
        key("services", List(&[]), "Services to find. Empty: all."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("ssl-server-name", Text(""), "Name expected in the certificate of the server, if it differs from the host."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
    ],
)
.state(Later)
.overridable();

pub(super) static DNS: Section = Section::list(
    "dns",
    "id",
    "Finds targets to scrape: dns.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("record-names", List(&[]), "Names to look up."),
        key(
            "refresh-interval",
            Duration("30s"),
            "Time between look-ups. Shorter costs requests, longer finds targets later.",
        ),
        key("type", Text("SRV"), "Kind of record: SRV, A or AAAA."),
        key("port", Int(80), "Port of the targets that are found."),
    ],
)
.state(Later)
.overridable();

pub(super) static EC2: Section = Section::list(
    "ec2",
    "id",
    "Finds targets to scrape: ec2.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("region", Text(""), "Region."),
        key("access-key", Text(""), "Access key."),
        key("secret-key", Secret(""), "Secret key."),
        key("profile", Text(""), "Profile of the credentials file."),
        key(
            "refresh-interval",
            Duration("1m0s"),
            "Time between look-ups. Shorter costs requests, longer finds targets later.",
        ),
        key("port", Int(80), "Port of the targets that are found."),
    ],
)
.state(Later)
.overridable();

pub(super) static FILE: Section = Section::list(
    "file-discovery",
    "id",
    "Finds targets to scrape: file-discovery.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("files", List(&[]), "Files with targets; patterns are allowed."),
        key(
            "refresh-interval",
            Duration("5m0s"),
            "Time between look-ups. Shorter costs requests, longer finds targets later.",
        ),
    ],
)
.state(Later)
.overridable();

pub(super) static GCE: Section = Section::list(
    "gce",
    "id",
    "Finds targets to scrape: gce.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("project", Text(""), "Project."),
        key("zone", Text(""), "Zone."),
        key("filter", Text(""), "Filter of the instance list."),
        key(
            "refresh-interval",
            Duration("1m0s"),
            "Time between look-ups. Shorter costs requests, longer finds targets later.",
        ),
        key("port", Int(80), "Port of the targets that are found."),
        key("tag-separator", Text(","), "What joins several tags into one label."),
    ],
)
.state(Later)
.overridable();

pub(super) static MARATHON: Section = Section::list(
    "marathon",
    "id",
    "Finds targets to scrape: marathon.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("servers", List(&[]), "Addresses of the service."),
        key("refresh-interval", Duration("30s"), "Time between look-ups. Shorter costs requests, longer finds targets later."),
        key("bearer-token", Secret(""), "Bearer token to sign in with."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("ssl-server-name", Text(""), "Name expected in the certificate of the server, if it differs from the host."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
    ],
)
.state(Later)
.overridable();

pub(super) static NERVE: Section = Section::list(
    "nerve",
    "id",
    "Finds targets to scrape: nerve.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("servers", List(&[]), "Addresses of the service."),
        key("paths", List(&[]), "Paths to watch."),
        key("timeout", Duration("10s"), "Longest time of one request; 0s is the default of the service. Too short gives up on a slow receiver."),
    ],
)
.state(Later)
.overridable();

pub(super) static SERVERSET: Section = Section::list(
    "serverset",
    "id",
    "Finds targets to scrape: serverset.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("servers", List(&[]), "Addresses of the service."),
        key("paths", List(&[]), "Paths to watch."),
        key("timeout", Duration("10s"), "Longest time of one request; 0s is the default of the service. Too short gives up on a slow receiver."),
    ],
)
.state(Later)
.overridable();

pub(super) static STATIC: Section = Section::list(
    "static-discovery",
    "id",
    "Finds targets to scrape: static-discovery.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("targets", List(&[]), "Targets, host:port."),
        key("labels", Map, "Labels put on every target."),
    ],
)
.state(Later)
.overridable();

pub(super) static TRITON: Section = Section::list(
    "triton",
    "id",
    "Finds targets to scrape: triton.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("id", Text(""), "Name of this element."),
        key("account", Text(""), "Account."),
        key("dns-suffix", Text(""), "Suffix of target names."),
        key("endpoint", Text(""), "Endpoint of the service."),
        key("port", Int(9163), "Port of the targets that are found."),
        key("refresh-interval", Duration("1m0s"), "Time between look-ups. Shorter costs requests, longer finds targets later."),
        key("version", Int(1), "Version of the service."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("ssl-server-name", Text(""), "Name expected in the certificate of the server, if it differs from the host."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
    ],
)
.state(Later)
.overridable();
