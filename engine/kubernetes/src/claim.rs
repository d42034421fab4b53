//! Claims on storage: the home of a sandbox, and volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::ObjectMeta;

use crate::placement::{self, MANAGED_BY, MANAGER, ORGANIZATION, VOLUME};

/// The name of the claim that a sandbox's home is on.
pub fn home_name(id: &str) -> String {
    format!("{}-home", placement::name_of(id))
}

/// The name of a volume's claim.
pub fn volume_name(id: &str) -> String {
    format!("volume-{id}")
}

/// The claim that a sandbox's home is on, for as long as there is the sandbox.
pub fn home(id: &str, organization: &str, class: &str, disk_gib: f64) -> PersistentVolumeClaim {
    claim(home_name(id), placement::labels(id, organization), class, disk_gib, "ReadWriteOnce")
}

/// The claim of a volume, which any number of sandboxes mount at once.
pub fn volume(id: &str, organization: &str, class: &str, size_gib: f64) -> PersistentVolumeClaim {
    let labels = BTreeMap::from([
        (MANAGED_BY.to_owned(), MANAGER.to_owned()),
        (VOLUME.to_owned(), id.to_owned()),
        (ORGANIZATION.to_owned(), placement::label_value(organization)),
    ]);
    claim(volume_name(id), labels, class, size_gib, "ReadWriteMany")
}

fn claim(name: String, labels: BTreeMap<String, String>, class: &str, gib: f64, access: &str) -> PersistentVolumeClaim {
    let size = BTreeMap::from([("storage".to_owned(), mebibytes(gib))]);
    PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(name), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![access.to_owned()]),
            storage_class_name: Some(class.to_owned()),
            resources: Some(VolumeResourceRequirements {
                requests: Some(size),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// An amount of memory or room, to the MiB.
pub(crate) fn mebibytes(gib: f64) -> Quantity {
    Quantity(format!("{}Mi", (gib * 1024.0).round().max(1.0)))
}
