//! The pod of a sandbox.
//!
//! It fits the pod security standard `restricted`: user 1000, no capabilities, the runtime's system call filter. It has no
//! service account's token and no addresses of services in its environment.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, ContainerResizePolicy, DownwardAPIVolumeFile, DownwardAPIVolumeSource,
    EmptyDirVolumeSource, ImageVolumeSource, LocalObjectReference, ObjectFieldSelector,
    PersistentVolumeClaimVolumeSource, Pod, PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile,
    SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::ObjectMeta;

use crate::claim;
use crate::placement::{self, Placement, START};
use crate::settings::{Settings, Toolbox};

/// The container of a sandbox.
pub const CONTAINER: &str = "sandbox";
/// Where an image with a toolbox has it.
pub const BAKED: &str = "/usr/local/bin/daytona-toolbox";
/// The port of the toolbox.
pub const PORT: u16 = 2280;
/// The home of the sandbox's user.
pub const HOME: &str = "/home/daytona";
/// The annotation with the document with which the toolbox starts.
pub const BOOTSTRAP: &str = "daytona.io/bootstrap";

const USER: i64 = 1000;
/// Seconds that programs have to end when the pod does.
const GRACE: i64 = 10;
/// The program needs little to copy itself.
const INIT_MEMORY_GIB: f64 = 0.0625;
const START_DIRECTORY: &str = "/run/daytona/start";
const TOOLBOX_DIRECTORY: &str = "/run/daytona/toolbox";

/// The pod of a sandbox.
pub fn of(placement: &Placement, settings: &Settings) -> Pod {
    let mut labels = placement::labels(&placement.id, &placement.organization);
    labels.insert(START.to_owned(), placement.start.clone());
    let home = if settings.storage_class.is_some() { claimed(&claim::home_name(&placement.id)) } else { scratch(None) };
    let mut volumes =
        vec![Volume { name: "home".to_owned(), ..home }, Volume { name: "start".to_owned(), ..start_file() }];
    let mut mounts = vec![mount("home", HOME, false), mount("start", START_DIRECTORY, true)];
    let (init, program) = toolbox(settings, &mut volumes, &mut mounts);
    for (index, volume) in placement.volumes.iter().enumerate() {
        let name = format!("volume-{index}");
        volumes.push(Volume { name: name.clone(), ..claimed(&claim::volume_name(&volume.id)) });
        mounts.push(VolumeMount { sub_path: volume.subpath.clone(), ..mount(&name, &volume.target, false) });
    }
    let arguments = ["serve", "--bootstrap", &format!("{START_DIRECTORY}/bootstrap"), "--grace", &GRACE.to_string()]
        .map(str::to_owned)
        .to_vec();
    let sandbox = Container {
        name: CONTAINER.to_owned(),
        image: Some(placement.image.clone().unwrap_or_else(|| settings.image.clone())),
        command: Some(vec![program]),
        args: Some(arguments),
        ports: Some(vec![ContainerPort {
            container_port: i32::from(PORT),
            name: Some("toolbox".to_owned()),
            ..ContainerPort::default()
        }]),
        resources: Some(resources(placement.cpu, placement.memory_gib, Some(placement.disk_gib), settings)),
        resize_policy: Some(
            ["cpu", "memory"]
                .map(|name| ContainerResizePolicy {
                    resource_name: name.to_owned(),
                    restart_policy: "NotRequired".to_owned(),
                })
                .to_vec(),
        ),
        security_context: Some(confined()),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let selector = (!settings.node_selector.is_empty()).then(|| settings.node_selector.clone());
    let secrets = settings.pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    Pod {
        metadata: ObjectMeta {
            name: Some(placement::name_of(&placement.id)),
            labels: Some(labels),
            annotations: Some(BTreeMap::from([(BOOTSTRAP.to_owned(), placement.bootstrap.clone())])),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            automount_service_account_token: Some(false),
            containers: vec![sandbox],
            enable_service_links: Some(false),
            image_pull_secrets: Some(secrets),
            init_containers: init.map(|container| vec![container]),
            node_selector: selector,
            restart_policy: Some("Never".to_owned()),
            runtime_class_name: settings.runtime_class.clone(),
            security_context: Some(PodSecurityContext {
                fs_group: Some(USER),
                fs_group_change_policy: Some("OnRootMismatch".to_owned()),
                run_as_group: Some(USER),
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..SeccompProfile::default()
                }),
                ..PodSecurityContext::default()
            }),
            termination_grace_period_seconds: Some(GRACE + 2),
            volumes: Some(volumes),
            ..PodSpec::default()
        }),
        status: None,
    }
}

/// The limits of a sandbox, and what it is sure of.
pub fn resources(cpu: f64, memory_gib: f64, disk_gib: Option<f64>, settings: &Settings) -> ResourceRequirements {
    let sure = (cpu * 10.0 * f64::from(settings.cpu_request_percent)).round().max(1.0);
    let memory = claim::mebibytes(memory_gib);
    let mut limits = BTreeMap::from([
        ("cpu".to_owned(), Quantity(format!("{}m", (cpu * 1000.0).round().max(1.0)))),
        ("memory".to_owned(), memory.clone()),
    ]);
    if let Some(disk) = disk_gib {
        limits.insert("ephemeral-storage".to_owned(), claim::mebibytes(disk));
    }
    let mut requests =
        BTreeMap::from([("cpu".to_owned(), Quantity(format!("{sure}m"))), ("memory".to_owned(), memory)]);
    if disk_gib.is_some() {
        // Without a request of its own, the limit would be requested: nodes have less room than all sandboxes may use.
        requests.insert("ephemeral-storage".to_owned(), claim::mebibytes(0.1));
    }
    ResourceRequirements { limits: Some(limits), requests: Some(requests), ..ResourceRequirements::default() }
}

/// Where the first program is, and the container that brings it where one has to.
fn toolbox(
    settings: &Settings,
    volumes: &mut Vec<Volume>,
    mounts: &mut Vec<VolumeMount>,
) -> (Option<Container>, String) {
    let program = format!("{TOOLBOX_DIRECTORY}/daytona-toolbox");
    match &settings.toolbox {
        Toolbox::Baked => (None, BAKED.to_owned()),
        Toolbox::Volume(image) => {
            let image = ImageVolumeSource { reference: Some(image.clone()), ..ImageVolumeSource::default() };
            volumes.push(Volume { name: "toolbox".to_owned(), image: Some(image), ..Volume::default() });
            mounts.push(mount("toolbox", TOOLBOX_DIRECTORY, true));
            (None, program)
        }
        Toolbox::Init(image) => {
            volumes.push(Volume { name: "toolbox".to_owned(), ..scratch(Some("64Mi")) });
            mounts.push(mount("toolbox", TOOLBOX_DIRECTORY, true));
            let init = Container {
                name: "toolbox".to_owned(),
                image: Some(image.clone()),
                command: Some([BAKED, "install", TOOLBOX_DIRECTORY].map(str::to_owned).to_vec()),
                resources: Some(resources(0.1, INIT_MEMORY_GIB, None, settings)),
                security_context: Some(confined()),
                volume_mounts: Some(vec![mount("toolbox", TOOLBOX_DIRECTORY, false)]),
                ..Container::default()
            };
            (Some(init), program)
        }
    }
}

fn confined() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    }
}

fn claimed(name: &str) -> Volume {
    let claim = PersistentVolumeClaimVolumeSource {
        claim_name: name.to_owned(),
        ..PersistentVolumeClaimVolumeSource::default()
    };
    Volume { persistent_volume_claim: Some(claim), ..Volume::default() }
}

fn scratch(limit: Option<&str>) -> Volume {
    let limit = limit.map(|limit| Quantity(limit.to_owned()));
    Volume {
        empty_dir: Some(EmptyDirVolumeSource { size_limit: limit, ..EmptyDirVolumeSource::default() }),
        ..Volume::default()
    }
}

fn start_file() -> Volume {
    let field = ObjectFieldSelector {
        field_path: format!("metadata.annotations['{BOOTSTRAP}']"),
        ..ObjectFieldSelector::default()
    };
    let file = DownwardAPIVolumeFile {
        path: "bootstrap".to_owned(),
        field_ref: Some(field),
        ..DownwardAPIVolumeFile::default()
    };
    Volume {
        downward_api: Some(DownwardAPIVolumeSource { items: Some(vec![file]), ..DownwardAPIVolumeSource::default() }),
        ..Volume::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::placement::Mount;
    use crate::settings::ControlPlane;

    fn settings() -> Settings {
        Settings::new("sandboxes", "sandbox:1", ControlPlane::Networks(vec!["10.0.0.1/32".to_owned()]))
    }

    fn placement() -> Placement {
        Placement {
            id: "a1".to_owned(),
            organization: "org/1".to_owned(),
            start: "s1".to_owned(),
            image: None,
            cpu: 2.0,
            memory_gib: 0.5,
            disk_gib: 3.0,
            bootstrap: "{}".to_owned(),
            volumes: vec![Mount { id: "v1".to_owned(), subpath: Some("data".to_owned()), target: "/data".to_owned() }],
        }
    }

    fn document(settings: &Settings) -> Value {
        serde_json::to_value(of(&placement(), settings)).unwrap()
    }

    #[test]
    fn a_pod_has_no_more_rights_than_the_restricted_standard_gives() {
        for toolbox in [Toolbox::Baked, Toolbox::Volume("t".to_owned()), Toolbox::Init("t".to_owned())] {
            let spec = &document(&Settings { toolbox, ..settings() })["spec"];
            assert_eq!(spec["automountServiceAccountToken"], false);
            assert_eq!(spec["enableServiceLinks"], false);
            assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
            assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
            let init = spec["initContainers"].as_array().cloned().unwrap_or_default();
            for container in spec["containers"].as_array().unwrap().iter().chain(&init) {
                assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
                assert_eq!(container["securityContext"]["capabilities"], json!({"drop": ["ALL"]}));
                assert!(container["resources"]["limits"]["memory"].is_string(), "a quota refuses pods without limits");
            }
        }
    }

    #[test]
    fn memory_is_sure_and_processors_are_shared() {
        let spec = &document(&settings())["spec"]["containers"][0]["resources"];
        assert_eq!(spec["limits"], json!({"cpu": "2000m", "memory": "512Mi", "ephemeral-storage": "3072Mi"}));
        assert_eq!(spec["requests"]["cpu"], "500m");
        assert_eq!(spec["requests"]["memory"], "512Mi");
    }

    #[test]
    fn a_home_is_on_a_claim_where_there_is_storage() {
        let of = |settings: &Settings| document(settings)["spec"]["volumes"][0].clone();
        assert!(of(&settings())["emptyDir"].is_object());
        let kept = of(&Settings { storage_class: Some("fast".to_owned()), ..settings() });
        assert_eq!(kept["persistentVolumeClaim"]["claimName"], "sandbox-a1-home");
    }

    #[test]
    fn the_start_is_told_in_a_file_and_not_in_the_environment() {
        let pod = document(&settings());
        assert!(pod["spec"]["containers"][0].get("env").is_none());
        assert_eq!(pod["metadata"]["annotations"][BOOTSTRAP], "{}");
        assert_eq!(pod["metadata"]["labels"]["daytona.io/organization"], "org1");
        assert_eq!(
            pod["spec"]["containers"][0]["volumeMounts"][2],
            json!({"name": "volume-0", "mountPath": "/data", "subPath": "data", "readOnly": false})
        );
    }
}
