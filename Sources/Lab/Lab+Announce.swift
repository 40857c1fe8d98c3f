// Addresses that no ENI owns and that the VPC sends to a node all the same: what a load balancer
// in front of the nodes, or a route of the subnet's table, makes of external addresses.

import Linux
package import Model

extension Lab {
    /// From now on the router sends these addresses to the node's primary ENI, and the internet
    /// gateway lets IPv4 ones in and out.
    package func announce(_ addresses: [IPAddress], at node: String) throws {
        try change { record in
            guard let node = record.status.nodes.first(where: { $0.name == node }),
                let primary = node.enis.first
            else { throw LabError.notFound("node \(node)") }
            let vpc = try VPCNetwork(opening: router, mtu: record.configuration.eniMTU)
            try vpc.assign(addresses, to: primary.leg, mac: primary.mac)
            let mapped = addresses.filter { $0.family == .v4 }.map(\.description)
            if !mapped.isEmpty {
                try Tool.run(
                    [
                        "nft", "add", "element", "inet", RouterRules.table, "public4",
                        "{ \(mapped.joined(separator: ", ")) }",
                    ], in: vpc.namespace)
            }
            try vpc.routes.settle()
        }
    }
}
