//! Network policies.
//!
//! Policies only ever allow, and what several allow is allowed: one for all sandboxes lets the control plane in, and the toolbox
//! call home; one for each sandbox says what it reaches beyond that. A sandbox without the second reaches nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::ObjectMeta;

use crate::placement::{self, MANAGED_BY, MANAGER, Reach, SANDBOX};
use crate::pod;
use crate::settings::{ControlPlane, Settings};

/// The name of the policy for all sandboxes.
pub const FOR_ALL: &str = "daytona-sandboxes";

/// What holds for all sandboxes: who lets themselves in, and whom they call. No pod reaches another.
pub fn for_all(settings: &Settings) -> NetworkPolicy {
    let control_plane = control_plane(&settings.control_plane);
    let managed = BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())]);
    let rules = NetworkPolicySpec {
        pod_selector: Some(LabelSelector { match_labels: Some(managed.clone()), ..LabelSelector::default() }),
        ingress: Some(vec![NetworkPolicyIngressRule {
            from: Some(control_plane.clone()),
            ports: Some(vec![port("TCP", pod::PORT)]),
        }]),
        egress: Some(vec![NetworkPolicyEgressRule {
            to: Some(control_plane),
            ports: Some(vec![port("TCP", settings.home_port)]),
        }]),
        policy_types: Some(both()),
    };
    policy(FOR_ALL.to_owned(), managed, rules)
}

/// What one sandbox reaches.
pub fn for_one(id: &str, organization: &str, reach: &Reach, settings: &Settings) -> NetworkPolicy {
    let everything = ["0.0.0.0/0".to_owned(), "::/0".to_owned()];
    let networks = match reach {
        Reach::Internet => &everything[..],
        Reach::Nothing => &[],
        Reach::Networks(networks) => networks,
    };
    let blocks: Vec<_> = networks.iter().filter_map(|network| open(network, &settings.closed_networks)).collect();
    let mut egress = Vec::new();
    // A rule without peers allows everything.
    if !blocks.is_empty() {
        egress.push(NetworkPolicyEgressRule { to: Some(blocks), ports: None });
        egress.push(names());
    }
    let selected = BTreeMap::from([(SANDBOX.to_owned(), id.to_owned())]);
    let rules = NetworkPolicySpec {
        pod_selector: Some(LabelSelector { match_labels: Some(selected), ..LabelSelector::default() }),
        ingress: None,
        egress: Some(egress),
        policy_types: Some(vec!["Egress".to_owned()]),
    };
    policy(placement::name_of(id), placement::labels(id, organization), rules)
}

fn policy(name: String, labels: BTreeMap<String, String>, spec: NetworkPolicySpec) -> NetworkPolicy {
    NetworkPolicy {
        metadata: ObjectMeta { name: Some(name), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(spec),
    }
}

fn both() -> Vec<String> {
    vec!["Ingress".to_owned(), "Egress".to_owned()]
}

fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(i32::from(number))),
        end_port: None,
    }
}

/// The cluster's resolver, which is in a closed network nearly everywhere.
fn names() -> NetworkPolicyEgressRule {
    let system = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), "kube-system".to_owned())]);
    let resolver = BTreeMap::from([("k8s-app".to_owned(), "kube-dns".to_owned())]);
    NetworkPolicyEgressRule {
        to: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector { match_labels: Some(system), ..LabelSelector::default() }),
            pod_selector: Some(LabelSelector { match_labels: Some(resolver), ..LabelSelector::default() }),
            ip_block: None,
        }]),
        ports: Some(vec![port("UDP", 53), port("TCP", 53)]),
    }
}

fn control_plane(control_plane: &ControlPlane) -> Vec<NetworkPolicyPeer> {
    match control_plane {
        ControlPlane::Pods { namespace, labels } => {
            let name = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), namespace.clone())]);
            vec![NetworkPolicyPeer {
                namespace_selector: Some(LabelSelector { match_labels: Some(name), ..LabelSelector::default() }),
                pod_selector: Some(LabelSelector { match_labels: Some(labels.clone()), ..LabelSelector::default() }),
                ip_block: None,
            }]
        }
        ControlPlane::Networks(networks) => networks.iter().map(|network| block(network.clone(), Vec::new())).collect(),
    }
}

fn block(cidr: String, except: Vec<String>) -> NetworkPolicyPeer {
    let except = (!except.is_empty()).then_some(except);
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr, except }), ..NetworkPolicyPeer::default() }
}

/// What of a network is open; none where all of it is closed.
fn open(network: &str, closed: &[String]) -> Option<NetworkPolicyPeer> {
    let wanted = Network::parse(network)?;
    let closed = || closed.iter().filter_map(|text| Some((text, Network::parse(text)?)));
    if closed().any(|(_, closed)| closed.contains(wanted)) {
        return None;
    }
    let except = closed().filter(|(_, closed)| wanted.contains(*closed)).map(|(text, _)| text.clone()).collect();
    Some(block(network.to_owned(), except))
}

/// Addresses that begin alike, as numbers of 128 bits; both versions apart from each other.
#[derive(Clone, Copy)]
struct Network {
    v6: bool,
    address: u128,
    /// Bits from the left that count, of 128.
    length: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let length: u32 = length.parse().ok()?;
        match address.parse().ok()? {
            std::net::IpAddr::V4(address) if length <= 32 => {
                Some(Self { v6: false, address: u128::from(address.to_bits()) << 96, length })
            }
            std::net::IpAddr::V6(address) if length <= 128 => {
                Some(Self { v6: true, address: address.to_bits(), length })
            }
            _ => None,
        }
    }

    fn contains(self, other: Self) -> bool {
        let differing = (self.address ^ other.address).leading_zeros();
        self.v6 == other.v6 && self.length <= other.length && differing >= self.length
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings() -> Settings {
        let labels = BTreeMap::from([("app".to_owned(), "daytona".to_owned())]);
        Settings::new("sandboxes", "sandbox:1", ControlPlane::Pods { namespace: "control".to_owned(), labels })
    }

    fn egress(reach: &Reach) -> Value {
        serde_json::to_value(for_one("a", "o", reach, &settings())).unwrap()["spec"]["egress"].clone()
    }

    #[test]
    fn only_the_control_plane_comes_in() {
        let spec = &serde_json::to_value(for_all(&settings())).unwrap()["spec"];
        assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
        assert_eq!(spec["ingress"].as_array().unwrap().len(), 1);
        assert_eq!(spec["ingress"][0]["from"][0]["podSelector"]["matchLabels"], json!({"app": "daytona"}));
        assert_eq!(spec["ingress"][0]["ports"], json!([{"protocol": "TCP", "port": 2280}]));
        assert_eq!(spec["egress"][0]["ports"], json!([{"protocol": "TCP", "port": 7443}]));
    }

    #[test]
    fn the_internet_has_no_private_networks_and_no_metadata() {
        let rules = egress(&Reach::Internet);
        let except = rules[0]["to"][0]["ipBlock"]["except"].as_array().unwrap();
        assert!(except.contains(&json!("169.254.0.0/16")) && except.contains(&json!("10.0.0.0/8")));
        assert!(!except.contains(&json!("fc00::/7")));
        assert_eq!(rules[0]["to"][1]["ipBlock"], json!({"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}));
    }

    #[test]
    fn nothing_is_no_rule_at_all() {
        assert_eq!(egress(&Reach::Nothing), json!([]));
        assert_eq!(egress(&Reach::Networks(Vec::new())), json!([]));
    }

    #[test]
    fn a_list_opens_no_closed_network() {
        let of = |networks: &[&str]| egress(&Reach::Networks(networks.iter().map(|text| (*text).to_owned()).collect()));
        assert_eq!(of(&["10.1.0.0/16", "169.254.169.254/32", "nonsense"]), json!([]));
        let rules = of(&["203.0.113.0/24", "10.1.2.3/32", "172.0.0.0/8"]);
        assert_eq!(
            rules[0]["to"],
            json!([
                {"ipBlock": {"cidr": "203.0.113.0/24"}},
                {"ipBlock": {"cidr": "172.0.0.0/8", "except": ["172.16.0.0/12"]}},
            ])
        );
    }
}
