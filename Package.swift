// swift-tools-version: 6.2
// Targets from the ground up; what a room may import is what it declares here, and
// `--explicit-target-dependency-import-check error` holds it to that.
import PackageDescription

/// Every Swift target is compiled the same way: no warnings, no implicit existentials, no leaked
/// imports.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func room(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    plugins: [Target.PluginUsage] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict,
        plugins: plugins)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    resources: [Resource] = [], plugins: [Target.PluginUsage] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: strict, plugins: plugins)
}

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]

let package = Package(
    name: "needletail",
    products: [
        .executable(name: "needletail", targets: ["needletail"]),
        .executable(name: "needletail-lab", targets: ["needletail-lab"]),
        .library(name: "BPF", targets: ["BPF"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Ground floor: C libraries and the headers both worlds share.
        .systemLibrary(
            name: "CLibBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev", "libelf-dev"])]),
        .systemLibrary(name: "CLibMNL", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
        // Rooted at bpf/, not bpf/shared: SwiftPM notices new files only below the roots of
        // targets, and only then asks the plugin again what the objects depend on.
        .systemLibrary(name: "CDatapath", path: "bpf"),
        .target(name: "CLinux"),  // what Swift can't call: setns, variadics, macros

        // Values and pure stations.
        room("Model", []),  // values and their text form
        room("Resolve", ["Model"]),  // Snapshot → Desired
        room("Plan", ["Model"]),  // Desired + image → ordered operations

        // Hands on the kernel.
        room("Linux", ["CLinux"]),  // descriptors, errno, namespaces, bpffs, cgroups
        room("Netlink", ["CLibMNL", "Linux", "Model"]),  // the kernel's network state, typed
        room("BPF", ["CLibBPF", "Linux"], exclude: ["README.md"]),  // libbpf with Swift manners
        room(
            "Datapath", ["BPF", "Plan", "Model", "Linux", "CDatapath", log], plugins: ["BPFCompile"]
        ),

        // The outside's view, and the actor that drives the road.
        room("Kubernetes", ["Model", "Linux", log, "Yams"]),  // manifests from files
        room("IPAM", ["Model"]),  // what the CNI's checkpoint tells
        room("Reconcile", ["Model", "Resolve", "Plan", log]),  // when: dirty, pace, retry
        room("HTTP", ["Linux", "Model"] + nio),  // HTTP/1 as far as the agent speaks it
        room("Health", ["Model", "HTTP", log]),  // what load balancers and the kubelet ask
        room("Inspect", ["Datapath", "Netlink", "IPAM", "Plan", "Resolve", "Model"]),  // views
        room(
            "Agent",
            [
                "Model", "Kubernetes", "IPAM", "Netlink", "Linux", "Reconcile", "Resolve", "Plan",
                "Datapath", "Inspect", "Health", "HTTP", log, lifecycle, signals, "Yams", arguments,
            ] + nio),  // options and wiring
        room("Lab", ["Linux", "Netlink", "Model"] + nio),  // the make-believe node

        tests(
            "ProgramTests",
            [
                "Datapath", "CDatapath", "BPF", "Linux", "Netlink", "Model", "Plan", "Randomness",
                "Support", log,
            ], exclude: ["bpf"], resources: [.copy("Scripts")], plugins: ["BPFCompile"]),
        tests(
            "DatapathTests",
            ["Datapath", "CDatapath", "BPF", "Linux", "Netlink", "Model", "Plan", "Support", log]),
        tests(
            "EndToEndTests",
            ["BPF", "KubeProxyRules", "Lab", "Linux", "Model", "Support", "needletail"],
            exclude: ["bpf"], resources: [.copy("Scripts")], plugins: ["BPFCompile"]),
        tests("AgentTests", ["Agent", "HTTP", "Linux", "Model", log, arguments] + nio),
        tests(
            "HealthTests", ["Health", "HTTP", "Linux", "Model", "Netlink", "Support", log] + nio),
        tests("InspectTests", ["Inspect", "Datapath", "Plan", "Model"]),
        tests("IPAMTests", ["IPAM", "Model"], resources: [.copy("Fixtures")]),

        // What people run.
        .executableTarget(
            name: "needletail", dependencies: ["Agent", "HTTP", "Inspect", "Model", arguments],
            swiftSettings: strict),
        .executableTarget(
            name: "needletail-lab", dependencies: ["Lab", "Model", "Linux", arguments],
            swiftSettings: strict),

        // Tools: compile bpf/ into the binary.
        .plugin(
            name: "BPFCompile", capability: .buildTool(), dependencies: ["bpfc"],
            path: "tools/bpfc/Plugin"),
        .executableTarget(name: "bpfc", path: "tools/bpfc/Tool", swiftSettings: strict),

        // Tools: what we are measured against, and the measuring.
        .target(
            name: "KubeProxyRules", dependencies: ["Model", "Resolve"],
            path: "tools/kube-proxy-rules",
            swiftSettings: strict),  // kube-proxy's iptables rules, as a pure function
        .target(
            name: "BenchLoop", path: "tools/bench/Loop",
            cSettings: [.unsafeFlags(["-O2"])]),  // the loops; optimised in every configuration
        .target(
            name: "BenchFigures", path: "tools/bench/Figures", swiftSettings: strict),  // ratios
        .executableTarget(
            name: "needletail-bench",
            dependencies: [
                "BenchFigures", "BenchLoop", "KubeProxyRules", "Lab", "Linux", "Model", arguments,
            ], path: "tools/bench/Run", swiftSettings: strict),  // labs, workers, the report

        // Tests, one target a room and a few across them.
        .target(
            name: "NetworkFixtures", dependencies: ["Model", "Randomness"],
            path: "Tests/NetworkFixtures",
            resources: [.copy("Fixtures")], swiftSettings: strict),  // recorded and made-up nodes
        .target(name: "Randomness", path: "Tests/Randomness", swiftSettings: strict),  // by seed
        tests(
            "KubernetesTests", ["Kubernetes", "Linux", "Model", log],
            resources: [.copy("Fixtures")]),
        tests("ModelTests", ["Model", "NetworkFixtures", "Randomness"]),
        tests(
            "ScenarioTests",
            ["Kubernetes", "Reconcile", "Resolve", "Plan", "Model", "Linux", "Randomness"],
            resources: [.copy("Scenarios")]),
        tests(
            "ConformanceTests",
            ["Kubernetes", "Reconcile", "Resolve", "Plan", "Health", "HTTP", "Model", "Linux"],
            resources: [.copy("cases.jsonl"), .copy("more.jsonl")]),
        tests("PlanTests", ["Plan", "Model", "Randomness"]),
        tests(
            "ReconcileTests",
            ["Reconcile", "Resolve", "Plan", "Model", "NetworkFixtures", "Randomness", log]),
        tests("ResolveTests", ["Resolve", "Model", "NetworkFixtures", "Randomness"]),
        tests(
            "KubeProxyRulesTests", ["KubeProxyRules", "Kubernetes", "Model"],
            resources: [.copy("Resources")]),
        tests(
            "BPFTests", ["BPF", "CLibBPF", "Linux", "Support"], exclude: ["bpf"],
            plugins: ["BPFCompile"]),
        tests("BPFCompilerTests", ["Linux"]),  // compiles, hence not for emulated guests
        tests("BenchTests", ["BenchFigures"]),
        tests(
            "LabTests", ["Lab", "Linux", "Netlink", "Model", "Support", "needletail-lab"],
            resources: [.copy("Fixtures")]),
        tests("LinuxTests", ["Linux"]),
        tests("NetlinkTests", ["Netlink", "CLibMNL", "Linux", "Model", "Randomness"]),
        tests("TidyTests", []),  // the house's rules that no compiler knows
        .target(
            name: "Support", dependencies: ["Linux", "Model"], path: "Tests/Support",
            swiftSettings: strict),  // kernel table; servers and clients in namespaces
        tests("LoadTests", ["BPF", "Linux", "Support"]),  // objects through the verifier
    ],
    swiftLanguageModes: [.v6]
)
