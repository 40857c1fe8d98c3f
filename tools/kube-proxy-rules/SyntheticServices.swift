// A cluster of any size for measurements: n services of three backends each, of which the last are
// the ones that somebody dials. Addresses are functions of numbers, so two runs compare.

package import Model

/// One made-up service with one TCP port.
package struct SyntheticService: Hashable, Sendable {
    package let name: ObjectName
    package let clusterIP: IPAddress
    /// Host order.
    package let port: UInt16
    package let backends: [Backend]

    /// What kube-proxy's rule writer makes its rules from.
    package var proxied: ProxiedPort {
        let family = clusterIP.family
        let key = ServicePortName(service: name, port: "http", protocol: .tcp, family: family)
        return ProxiedPort(name: key, clusterIP: clusterIP, port: port, backends: backends)
    }
}

/// Services 1…`count` of one family. The last ones have `dialled` as backends, in that order;
/// the others' backends are addresses that nobody answers.
///
/// - Parameters:
///   - dialled: backends of each dialled service; at most `count` of them.
///   - services: prefix of the ClusterIPs; nil is returned when it has no room for `count`.
///   - pods: prefix of the others' backends; it must not hold an address that is in use.
package func syntheticServices(
    count: Int, services: CIDR, pods: CIDR, dialled: [[Backend]]
) -> [SyntheticService]? {
    guard count >= 1, dialled.count <= count else { return nil }
    var made: [SyntheticService] = []
    made.reserveCapacity(count)
    for number in 1...count {
        guard let clusterIP = services.address.advanced(by: UInt64(number)),
            services.contains(clusterIP)
        else { return nil }
        let backends: [Backend]
        let anonymous = count - dialled.count
        if number > anonymous {
            backends = dialled[number - anonymous - 1]
        } else {
            backends = (0..<3).compactMap { index in
                pods.address.advanced(by: UInt64(3 * number + index)).map {
                    Backend(address: $0, port: 8080, protocol: .tcp)
                }
            }
            guard backends.allSatisfy({ pods.contains($0.address) }) else { return nil }
        }
        let digits = String(number)
        let name = "svc-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        made.append(
            SyntheticService(
                name: ObjectName(namespace: "bench", name: name), clusterIP: clusterIP, port: 80,
                backends: backends))
    }
    return made
}
