// The maps, programs and links that Needletail owns on this node. It decides nothing: it loads,
// attaches, writes what Plan says and tells what is there. Everything is pinned, so that the
// agent's death changes nothing for a packet.

internal import BPF
internal import CDatapath
internal import Linux
package import Logging
package import Model
internal import Plan

/// Where the datapath lives and which of its parts act.
package struct DatapathConfiguration: Sendable {
    /// The pin directory, e.g. `/sys/fs/bpf/needletail`.
    package var bpffs: String
    /// The cgroup v2 directory whose processes' dials are translated; nil: no socket hooks.
    package var cgroup: String?
    /// Whether pod traffic may be shortcut.
    package var podRouting: Bool
    /// MiB for both flow tables; nil: as they are pinned, else small ones.
    package var flowMemoryMiB: Int?
    /// Whose dials the socket hooks leave alone.
    package var leftAlone: LeftAlone

    /// Diallers whose services are translated per packet instead.
    package struct LeftAlone: Hashable, Sendable {
        /// All pods.
        package var pods = false
        /// The cgroups that `exclude(cgroups:)` names; asked only if there may be any.
        package var excludedCgroups = false

        package init(pods: Bool = false, excludedCgroups: Bool = false) {
            self.pods = pods
            self.excludedCgroups = excludedCgroups
        }
    }

    /// Whether and how a program sits on the primary ENI's XDP hook.
    package var xdp: XDPChoice

    package init(
        bpffs: String, cgroup: String?, podRouting: Bool = true, flowMemoryMiB: Int? = nil,
        leftAlone: LeftAlone = LeftAlone(), xdp: XDPChoice = .off
    ) {
        self.bpffs = bpffs
        self.cgroup = cgroup
        self.podRouting = podRouting
        self.flowMemoryMiB = flowMemoryMiB
        self.leftAlone = leftAlone
        self.xdp = xdp
    }
}

/// The one hand on the maps. Opened in the network namespace of the node, whose interfaces it
/// means.
package actor Datapath: OperationApplier {
    package nonisolated let configuration: DatapathConfiguration
    /// The generation that the loaded programs act for.
    package nonisolated let generation: UInt32
    /// "tcx" or "clsact".
    package nonisolated let interfaceHookKind: String
    /// Why pod routing is off although it was asked for; nil when it is as asked.
    package nonisolated let podRoutingObstacle: String?
    /// What else is not as it was asked for.
    package nonisolated let remarks: [String]

    let pins: Pins
    let maps: MapSet
    nonisolated let programs: LoadedPrograms
    let hooks: InterfaceHooks
    let xdp: XDPHook
    let namespace: NetworkNamespace
    let logger: Logger
    /// What this agent attached or took over, and has not detached.
    var attached: [UInt32: AttachmentRole]
    /// Flow tables that are being replaced, until `activate()`.
    var carryOver: FlowCarryOver
    /// Where the plan wants the XDP program, and why it is not there.
    var xdpInterface: UInt32?
    var xdpRefusal: String?

    /// Loads the programs over the pinned maps, adopts what an earlier agent left and replaces its
    /// programs in place. What was inert stays inert until `activate()`.
    ///
    /// A refusal by the verifier throws `load` and leaves everything as it was. Takes tens of
    /// milliseconds. Call on a thread in the node's network namespace.
    package init(
        _ configuration: DatapathConfiguration, logger: Logger
    ) throws(DatapathError) {
        self.configuration = configuration
        self.logger = logger
        pins = Pins(root: configuration.bpffs)
        namespace = try asPins("network namespace") { () throws(KernelError) in
            try NetworkNamespace.current()
        }
        try pins.prepare()
        let asksConntrack = try asDatapath { () throws(BPFError) in
            try Feature.skbConntrackLookup.isSupported()
        }
        podRoutingObstacle =
            asksConntrack || !configuration.podRouting
            ? nil
            : "the kernel's conntrack can't be asked about flows (nf_conntrack is not loaded, or "
                + "its type information can't be read without CAP_SYS_ADMIN)"
        let kind = try asDatapath { () throws(BPFError) in try InterfaceHookKind.supported() }
        let hooks = InterfaceHooks(kind: kind, pins: pins)
        self.hooks = hooks
        let xdp = XDPHook(pins: pins)
        self.xdp = xdp
        interfaceHookKind = hooks.kind.rawValue

        let active = Self.pinnedGeneration(pins)
        generation = max(active, 1)
        let namespace = namespace
        let cookie = try asPins("network namespace") { () throws(KernelError) in
            try namespace.cookie()
        }
        let pins = pins
        let flows = try Self.adoptFlowTables(pins, configuration.flowMemoryMiB)
        remarks = flows.remarks
        let programs: LoadedPrograms
        do throws(DatapathError) {
            programs = try LoadedPrograms(
                pins: pins, flows: flows, generation: generation, asksConntrack: asksConntrack,
                hostNamespace: cookie)
        } catch {
            flows.removeUnused(pins)
            throw error
        }
        self.programs = programs
        let maps = try asDatapath { () throws(BPFError) in try MapSet(pins, flows: flows) }
        self.maps = maps
        let carryOver = FlowCarryOver(pins: pins, tables: flows)
        self.carryOver = carryOver
        _ = try asDatapath { () throws(BPFError) in try carryOver.copy(into: maps) }
        attached = try asDatapath { () throws(BPFError) in try hooks.adopt(programs) }
        try asDatapath { () throws(BPFError) in try xdp.adopt(programs.xdp) }
        xdpInterface = xdp.found().first
        _ = try asDatapath { () throws(BPFError) in try carryOver.copy(into: maps) }
        try attachSocketHooks()
    }

    /// The generation that acts now, 0 when all programs are inert or nothing is pinned.
    private static func pinnedGeneration(_ pins: Pins) -> UInt32 {
        let map = try? BPFMap<UInt32, CDatapath.control>(pinned: pins.map("control"))
        guard let map, let entry = try? map.lookup(0) else { return 0 }
        return entry.generation
    }

    /// Attaches the socket programs to the cgroup, or takes over the links that are pinned if they
    /// are on this very cgroup; without a cgroup, removes them.
    private nonisolated func attachSocketHooks() throws(DatapathError) {
        var wanted: UInt64?
        if let path = configuration.cgroup {
            wanted = try asPins(path) { () throws(KernelError) in
                try ControlGroup(path: path).id()
            }
        }
        for hook in SocketHook.allCases {
            guard let loaded = programs.socket[hook] else { continue }
            let path = pins.link(hook.rawValue)
            let configuration = configuration
            try asDatapath { () throws(BPFError) in
                if Pin.exists(path) {
                    let link = try BPFLink(pinned: path)
                    if let wanted, case .cgroup(wanted, _) = try link.info().target {
                        try link.update(to: loaded.program)
                        return
                    }
                    if try !link.info().isDefunct { try link.detach() }
                    _ = try Pin.remove(path)
                }
                guard let cgroup = configuration.cgroup else { return }
                let link = try BPFLink.cgroup(loaded.program, at: cgroup, hook.attachType)
                try link.pin(at: path)
            }
        }
    }

    /// Decides which flow tables the programs get, before they are loaded.
    private static func adoptFlowTables(
        _ pins: Pins, _ mebibytes: Int?
    ) throws(DatapathError) -> FlowTablePins {
        try asDatapath { () throws(BPFError) in
            var wanted: UInt32?
            if let mebibytes {
                wanted = FlowTableSize.entries(
                    mebibytes: mebibytes, cpus: try possibleCPUCount())
            }
            return try FlowTablePins(adopting: pins, wanted: wanted)
        }
    }

    /// Who removes flows that are over. One for an agent; call its `step` again and again.
    ///
    /// - Parameter clock: CLOCK_MONOTONIC in nanoseconds, nil for the machine's.
    package nonisolated func flowCollector(
        _ timeouts: FlowTimeouts, clock: (@Sendable () -> UInt64)? = nil
    ) -> FlowCollector {
        FlowCollector(
            maps: maps, timeouts: timeouts, clock: clock ?? { Monotonic.now().nanoseconds })
    }

    /// Lets the attached set act, all at once, and makes this layout the live one. Idempotent.
    package func activate() throws(DatapathError) {
        do throws(BPFError) {
            // `services` is Plan's to switch.
            var entry = try maps.control.lookup(0) ?? CDatapath.control()
            entry.generation = generation
            entry.pod_routing = configuration.podRouting && podRoutingObstacle == nil
            entry.socket_lb = configuration.cgroup != nil
            entry.socket_lb_host_only = configuration.leftAlone.pods
            entry.socket_lb_excludes = configuration.leftAlone.excludedCgroups
            try maps.control.update(0, entry)
        } catch {
            throw .kernel(error)
        }
        // Every hook has the new programs by now, however this kernel takes them.
        if carryOver.isNeeded {
            let copied = try carryOver.finish(into: maps)
            carryOver = FlowCarryOver(pins: pins, tables: FlowTablePins(found: pins))
            logger.info(
                "The flow table was replaced by one of another size.",
                metadata: ["refused": "\(copied.refused)"])
        }
        try pins.publish()
    }

    /// Whether the loaded programs act.
    package func isActive() -> Bool {
        (try? maps.control.lookup(0))?.generation == generation
    }
}
