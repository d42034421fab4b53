//! What an operator decides about the sandboxes of one control plane.

use std::collections::BTreeMap;

/// How pods of sandboxes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The namespace of the sandboxes, which the control plane shares with nothing else.
    pub namespace: String,
    /// The image of sandboxes that name none.
    pub image: String,
    /// Where the program comes from that runs first in each pod.
    pub toolbox: Toolbox,
    /// How pods are kept apart: `gvisor`, for example. The cluster's default when absent.
    pub runtime_class: Option<String>,
    /// Labels of the nodes that may run sandboxes; all nodes when empty.
    pub node_selector: BTreeMap<String, String>,
    /// The class of the storage that homes are on. Without one, a sandbox that stops loses its files.
    pub storage_class: Option<String>,
    /// Names of secrets in the namespace with which images are pulled.
    pub pull_secrets: Vec<String>,
    /// The part of its processors that a sandbox is sure of, in percent, 1 to 100. Default: 25. Memory is always sure.
    pub cpu_request_percent: u8,
    /// The pods that may connect to toolboxes, and that toolboxes call.
    pub control_plane: ControlPlane,
    /// The port at which the control plane is called home.
    pub home_port: u16,
    /// Networks that no sandbox reaches, whatever its settings say: the cluster's own, and metadata.
    pub closed_networks: Vec<String>,
    /// Whether the cluster's network plugin enforces policies, which the operator has to know. Default: no, and the limits that
    /// the engine tells of say that sandboxes are not restricted.
    pub policies_enforced: bool,
}

/// Where the program comes from that runs first in each pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolbox {
    /// The sandbox's image has it, at [`crate::pod::BAKED`]. The fastest way.
    Baked,
    /// An image with nothing but the program, mounted as a volume. Needs Kubernetes 1.33 and containerd 2.1 or newer.
    Volume(String),
    /// An image whose program copies itself before the sandbox starts. Costs about a second a start.
    Init(String),
}

/// Who reaches toolboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlPlane {
    /// Pods with these labels, in the namespace with this name.
    Pods {
        /// The namespace.
        namespace: String,
        /// Their labels.
        labels: BTreeMap<String, String>,
    },
    /// Addresses, for a control plane outside the cluster: networks like `10.0.0.1/32`.
    Networks(Vec<String>),
}

/// Private networks and metadata addresses. Those of a cluster are among them nearly everywhere.
pub const CLOSED_NETWORKS: [&str; 8] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

impl Settings {
    /// Settings with defaults, for sandboxes of this image in this namespace.
    pub fn new(namespace: impl Into<String>, image: impl Into<String>, control_plane: ControlPlane) -> Self {
        Self {
            namespace: namespace.into(),
            image: image.into(),
            toolbox: Toolbox::Baked,
            runtime_class: None,
            node_selector: BTreeMap::new(),
            storage_class: None,
            pull_secrets: Vec::new(),
            cpu_request_percent: 25,
            control_plane,
            home_port: 7443,
            closed_networks: CLOSED_NETWORKS.map(str::to_owned).to_vec(),
            policies_enforced: false,
        }
    }
}
