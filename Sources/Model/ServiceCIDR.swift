// A ServiceCIDR object (Kubernetes ≥ 1.33): a range that ClusterIPs are taken from. Addresses of it
// that no Service has must not leave the node.

/// One ServiceCIDR object. Its name is the key under which it is kept.
package struct ServiceCIDR: Hashable, Sendable {
    package var cidrs: [CIDR]

    package init(cidrs: [CIDR]) { self.cidrs = cidrs }
}
