//! The resource, checked: what a cluster's children are built from.
//!
//! CEL has checked single values when the resource was written; here is what it cannot see, such as
//! the TOML inside of `extraConfig`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use toml::{Table, Value};

use super::build;
use crate::crd::{KapacitorCluster, KapacitorClusterSpec};
use crate::name::Names;

/// Options that the operator sets, `section.key` or a whole section.
const OWNED: [&str; 26] = [
    "hostname",
    "data_dir",
    "influxdb",
    "http.bind-address",
    "http.advertise-address",
    "http.https-enabled",
    "http.https-certificate",
    "http.https-private-key",
    "cluster.bind-address",
    "cluster.advertise-address",
    "cluster.admin-keys",
    "cluster.admin-keys-file",
    "cluster.seeds",
    "cluster.keys",
    "cluster.keys-file",
    "rpc.bind-address",
    "rpc.advertise-address",
    "rpc.tls-certificate",
    "rpc.tls-private-key",
    "rpc.tls-ca",
    "load",
    "alert.redundancy",
    "alert.delay-per-member",
    "alert.full-sync-interval",
    "cluster.allow-unauthenticated-changes",
    "skip-config-overrides",
];

/// What variables of options begin with.
const PREFIX: &str = "KAPACITOR_";
/// Variables of the pods that are no option.
const OWN_VARIABLES: [&str; 5] =
    ["POD_NAME", "POD_INDEX", "KAPACITOR_CONFIG_PATH", "KAPACITOR_URL", "KAPACITOR_CA_CERT"];
/// Options of an InfluxDB that are the user's, as variables: what follows KAPACITOR_INFLUXDB_0_.
const INFLUXDB_OPTIONS: [&str; 4] =
    ["TIMEOUT", "STARTUP_TIMEOUT", "COMPRESSION", "SUBSCRIPTION_PATH"];

/// A checked resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Names of everything.
    pub names: Names,
    /// Who owns the children.
    pub owner: OwnerReference,
    /// The wish.
    pub spec: KapacitorClusterSpec,
    /// Image of the members.
    pub image: String,
    /// `extraConfig`, parsed.
    pub extra: Table,
    /// Public half of the operator's key; empty until it is made.
    pub admin_key: String,
}

/// Why a resource cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// `extraConfig` is no TOML.
    #[error("spec.extraConfig is not valid TOML: {0}")]
    Toml(String),
    /// `extraConfig` sets what the operator sets.
    #[error("spec.extraConfig must not set {0}: the operator sets it")]
    Owned(&'static str),
    /// `env` sets what the operator sets.
    #[error("spec.env must not set {0}: the operator sets it")]
    Variable(String),
    /// `podTemplate` makes no pod, or undoes the operator's design.
    #[error("spec.podTemplate: {0}")]
    PodTemplate(String),
}

impl Wanted {
    /// Checks `resource`. `image` is for a resource that names none.
    pub fn of(
        resource: &KapacitorCluster,
        image: &str,
        admin_key: Option<String>,
    ) -> Result<Self, Invalid> {
        let extra: Table = resource
            .spec
            .extra_config
            .parse()
            .map_err(|e: toml::de::Error| Invalid::Toml(e.message().to_owned()))?;
        for owned in OWNED {
            let found = match owned.split_once('.') {
                None => extra.contains_key(owned),
                Some((section, key)) => extra
                    .get(section)
                    .and_then(Value::as_table)
                    .is_some_and(|section| section.contains_key(key)),
            };
            if found {
                return Err(Invalid::Owned(owned));
            }
        }
        if let Some(variable) = resource.spec.env.iter().find(|v| is_owned_variable(&v.name)) {
            return Err(Invalid::Variable(variable.name.clone()));
        }
        let wanted = Self {
            names: Names::of(resource),
            owner: resource.controller_owner_ref(&()).unwrap_or_default(),
            spec: resource.spec.clone(),
            image: image_of(&resource.spec, image),
            extra,
            admin_key: admin_key.unwrap_or_default(),
        };
        match build::pod_problem(&wanted) {
            Some(why) => Err(Invalid::PodTemplate(why)),
            None => Ok(wanted),
        }
    }
}

/// Whether a variable of the members is the operator's.
fn is_owned_variable(name: &str) -> bool {
    if OWN_VARIABLES.contains(&name) {
        return true;
    }
    let Some(option) = name.strip_prefix(PREFIX) else { return false };
    if let Some(option) = option.strip_prefix("INFLUXDB_") {
        let option = option.trim_start_matches(|c: char| c.is_ascii_digit());
        return !INFLUXDB_OPTIONS.contains(&option.trim_start_matches('_'));
    }
    OWNED.iter().any(|owned| {
        let variable = owned.to_ascii_uppercase().replace(['.', '-'], "_");
        // A section is all of its options, a list all of its places.
        option.strip_prefix(&variable).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

/// The wished image; each missing part is taken from `default`, `repository:tag`.
fn image_of(spec: &KapacitorClusterSpec, default: &str) -> String {
    let Some(image) = &spec.image else { return default.to_owned() };
    // A colon before the last slash is a registry's port.
    let cut = default.rfind(':').filter(|cut| !default[*cut..].contains('/'));
    let (repository, tag) = match cut {
        Some(cut) => (&default[..cut], &default[cut + 1..]),
        None => (default, env!("CARGO_PKG_VERSION")),
    };
    let repository = image.repository.as_deref().unwrap_or(repository);
    match &image.digest {
        Some(digest) => format!("{repository}@{digest}"),
        None => format!("{repository}:{}", image.tag.as_deref().unwrap_or(tag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::Image;

    fn of(spec: KapacitorClusterSpec) -> Result<Wanted, Invalid> {
        Wanted::of(&KapacitorCluster::new("demo", spec), "kapacitor:1", None)
    }

    #[test]
    fn extra_configuration_is_toml_without_what_the_operator_sets() {
        for (text, expect) in [
            ("", None),
            ("[logging]\nlevel = \"DEBUG\"\n[http]\nlog-enabled = false", None),
            ("[http", Some("spec.extraConfig is not valid TOML")),
            ("hostname = \"x\"", Some("must not set hostname")),
            ("[[influxdb]]\nname = \"x\"", Some("must not set influxdb")),
            ("[cluster]\nadmin-keys = []", Some("must not set cluster.admin-keys")),
        ] {
            let extra_config = text.to_owned();
            let got = of(KapacitorClusterSpec { extra_config, ..Default::default() });
            match (got, expect) {
                (Ok(_), None) => {}
                (Err(why), Some(part)) => assert!(why.to_string().contains(part), "{why}"),
                (got, _) => panic!("{text:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn missing_parts_of_the_image_come_from_the_operator() {
        let text = |s: &str| Some(s.to_owned());
        for (image, default, expect) in [
            (None, "r:5000/k:1", "r:5000/k:1"),
            (Some(Image::default()), "r:5000/k:1", "r:5000/k:1"),
            (Some(Image { tag: text("2"), ..Image::default() }), "r:5000/k:1", "r:5000/k:2"),
            (Some(Image { repository: text("x/k"), ..Image::default() }), "k:1", "x/k:1"),
            (Some(Image { digest: text("sha256:0"), ..Image::default() }), "k:1", "k@sha256:0"),
        ] {
            let spec = KapacitorClusterSpec { image, ..Default::default() };
            assert_eq!(image_of(&spec, default), expect);
        }
    }
}
