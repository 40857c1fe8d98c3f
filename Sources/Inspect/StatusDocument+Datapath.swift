// What the datapath tells of itself, as status shows it: hooks by program, reasons by number.

package import Datapath
package import Model

extension StatusDocument {
    /// Counts what is attached by program and hook; what should be and is not is a failure.
    package mutating func add(_ attachments: [AttachState]) {
        var counts: [String: Hook] = [:]
        for state in attachments {
            guard state.isAttached else {
                failing.append(
                    Failure(
                        unit: "\(state.hook) on \(state.target)", reason: "\(state.program) is off")
                )
                continue
            }
            let key = "\(state.program) \(state.hook)"
            counts[key, default: Hook(hook: state.hook, program: state.program, count: 0)].count +=
                1
        }
        hooks = counts.sorted { $0.key < $1.key }.map(\.value)
    }

    /// What became of `--xdp`, with the interface by name.
    package mutating func add(_ state: XDPState?, _ network: NetworkState) {
        xdp = state.map { state in
            XDP(
                choice: state.choice.rawValue,
                interface: state.interface.map { network.links[$0]?.name ?? "#\($0)" },
                mode: state.mode ?? "off", refusal: state.refusal)
        }
    }

    /// In the order of the datapath's own list.
    package mutating func add(_ counts: [Reason: Count]) {
        counters = counts.sorted { $0.key < $1.key }.map { reason, count in
            Counter(reason: reason.name, packets: count.packets, bytes: count.bytes)
        }
    }

    /// A Service's health port that can't be opened is a failure of the Service.
    package mutating func add(_ ports: [HealthPortState]) {
        for port in ports {
            let name = "service \(port.desired.service)"
            failing += port.failures.sorted { $0.key < $1.key }.map { address, reason in
                let place = BindAddress(address: address, port: port.desired.port)
                return Failure(unit: name, reason: "health port \(place): \(reason)")
            }
        }
    }
}
