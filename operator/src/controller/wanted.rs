//! The resource, checked: what a cluster's children are built from.
//!
//! CEL has checked single values when the resource was written; here is what it cannot see, such as
//! the TOML inside of `extraConfig`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use toml::{Table, Value};

use crate::crd::{KapacitorCluster, KapacitorClusterSpec};
use crate::name::Names;

/// Options that the operator sets, `section.key` or a whole section.
const OWNED: [&str; 17] = [
    "hostname",
    "data_dir",
    "influxdb",
    "http.bind-address",
    "http.advertise-address",
    "http.https-enabled",
    "cluster.bind-address",
    "cluster.advertise-address",
    "cluster.admin-keys",
    "cluster.admin-keys-file",
    "cluster.seeds",
    "rpc.bind-address",
    "rpc.advertise-address",
    "alert.redundancy",
    "alert.delay-per-member",
    "cluster.allow-unauthenticated-changes",
    "skip-config-overrides",
];

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
        Ok(Self {
            names: Names::of(resource),
            owner: resource.controller_owner_ref(&()).unwrap_or_default(),
            spec: resource.spec.clone(),
            image: image_of(&resource.spec, image),
            extra,
            admin_key: admin_key.unwrap_or_default(),
        })
    }
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
