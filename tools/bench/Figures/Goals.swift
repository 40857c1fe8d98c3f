// The goals that this bench can judge, as data: the numbers are the project's, measured against a
// minimal prototype with slack for what a real agent adds. Lines without a goal are there so that
// a reader can see the noise and the context.

/// The lines of the report for a set of paths. Lines whose paths are not among them fall away.
///
/// - Parameters:
///   - small, large: how many services the two kube-proxy topologies have.
package func comparisons(
    paths: Set<Path>, services: Int, small: Int, large: Int
) -> [Comparison] {
    let bare = Path(.bare, .pod)
    let service = Path(.ours(services: services), .service)
    let ourPod = Path(.ours(services: services), .pod)
    let limit = Path(.limit, .pod)
    let cni = Path(.cni, .pod)
    let smallIPT = Path(.kubeProxy(services: small), .service)
    let largeIPT = Path(.kubeProxy(services: large), .service)

    var lines: [Comparison] = []
    func add(
        _ row: Int, _ title: String, _ over: Path, _ under: Path, _ loads: [Load],
        same: Goal?, across: Goal?, measure: Measure = .ratio
    ) {
        guard paths.contains(over), paths.contains(under) else { return }
        for load in loads {
            for placement in Placement.allCases {
                lines.append(
                    Comparison(
                        row: row, title: title, over: over, under: under, placement: placement,
                        load: load, measure: measure, goal: placement == .same ? same : across))
            }
        }
    }
    let traffic: [Load] = [.requestResponse, .connectRequestResponse, .bulk]
    add(
        0, "A/A: bare again ÷ bare (noise)", Path(.bareAgain, .pod), bare, traffic, same: nil,
        across: nil)
    add(
        1, "our service ÷ our direct pod IP", service, ourPod, traffic,
        same: .atMost(1.05), across: .atMost(1.05))
    add(
        2, "limit ÷ our service (share of the limit)", limit, service, traffic,
        same: .atLeast(0.92), across: .atLeast(0.92))
    add(
        3, "direct on the bare kernel ÷ our service", bare, service, traffic,
        same: .atLeast(1.25), across: .atLeast(1.45))
    add(
        4, "kube-proxy, \(large) ÷ our service", largeIPT, service, [.requestResponse, .bulk],
        same: .atLeast(1.5), across: .atLeast(1.8))
    add(
        5, "kube-proxy, \(large) ÷ our service", largeIPT, service, [.connectRequestResponse],
        same: nil, across: connectGoal(services: large))
    add(
        0, "kube-proxy, \(small) ÷ our service", smallIPT, service, traffic,
        same: nil, across: nil)
    add(0, "direct, CNI's rules ÷ our service", cni, service, traffic, same: nil, across: nil)
    add(0, "direct, CNI's rules ÷ bare", cni, bare, traffic, same: nil, across: nil)
    add(0, "limit ÷ bare", limit, bare, traffic, same: nil, across: nil)
    add(
        11, "socket hook: data path ÷ direct", service, ourPod, [.requestResponse],
        same: .atMost(1.02), across: .atMost(1.02))
    add(
        11, "socket hook: connect() of a service, added ns", service, bare, [.connect],
        same: .atMost(260), across: .atMost(260), measure: .difference)
    add(
        11, "socket hook: connect() of a pod, added ns", ourPod, bare, [.connect],
        same: .atMost(50), across: .atMost(50), measure: .difference)
    return lines
}

/// Row 5 promises numbers for 1,000, 10,000 and 30,000 services; in between, that of the smaller.
private func connectGoal(services: Int) -> Goal? {
    switch services {
    case ..<1_000: nil
    case ..<10_000: .atLeast(1.85)
    case ..<30_000: .atLeast(3.2)
    default: .atLeast(8)
    }
}
