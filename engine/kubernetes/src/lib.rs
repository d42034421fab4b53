//! Sandboxes as pods of a Kubernetes cluster.
//!
//! A sandbox that runs is one pod; what of it outlives its pod is a claim on storage, and what it may reach is a network policy.
//! All of them carry the sandbox's id, so every request can be repeated, by this process or by the one after it.
//!
//! ```text
//! a sandbox as it is to be  ->  pod, policy, claim  ->  Cluster (requests)  ->  API server
//! whoever waits for a pod   <-  Pods (what is known of each)  <-  one watch
//! ```
//!
//! Nothing waits for the kubelet to report that a pod runs, which takes up to a second: the toolbox in it calls home when it
//! listens. The watch tells of ends, and of pods that cannot start.
//!
//! | module | subject |
//! |---|---|
//! | [`settings`] | what an operator decides |
//! | [`placement`] | one sandbox as it is to be placed |
//! | [`pod`], [`policy`], [`claim`] | what that is in Kubernetes' terms |
//! | [`cluster`] | requests that may be repeated |
//! | [`pods`] | what is known of each pod |
//! | [`running`] | starting sandboxes: from a placement to a toolbox that has called home |
//! | [`backend`] | the engine's backend whose sandboxes are pods |
//! | [`preflight`] | what is wrong with the configuration, said at start |

pub mod backend;
pub mod claim;
pub mod cluster;
pub mod placement;
pub mod pod;
pub mod pods;
pub mod policy;
pub mod preflight;
pub mod running;
pub mod settings;

pub use backend::Kubernetes;
pub use cluster::{Cluster, ClusterError};
pub use placement::Placement;
pub use running::Runner;
pub use settings::Settings;
