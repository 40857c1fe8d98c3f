// The agent of one node: makes the parts, joins them and runs them until a signal. The order is the
// point: locks before anything is touched, the datapath (which adopts what is pinned) before the
// sources, and activation when the first complete programming is done. A stop takes nothing away.

import Datapath
import Health
import Inspect
import Kubernetes
import Linux
package import Logging
import Model
import Reconcile
import ServiceLifecycle
import UnixSignals

/// `needletail run`.
package enum NodeAgent {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: whatever keeps the agent from starting or going on; what was attached before
    ///   stays attached.
    package static func run(_ configuration: Configuration, log: Logger) async throws {
        try StartCheck.kernel(release: File.readText("/proc/sys/kernel/osrelease"))
        let manifests = try StartCheck.manifests(configuration)
        let namespace = try NetworkNamespace.ofProcess()
        let cgroup = try StartCheck.cgroup(configuration)
        var lock = try AgentLock.take(
            stateDirectory: configuration.stateDirectory, bpffs: configuration.bpffs)
        let state = AgentState(configuration, remarks: Unsupported(configuration).remarks)
        let control = try await ControlSocket.listen(
            at: configuration.control, routes: state.controlRoutes)

        let datapath = try openDatapath(configuration, cgroup: cgroup, log: log)
        try lock.takePins(configuration.bpffs)
        let wishes = Wishes()
        // Each health port of a Service is a descriptor or more; the other half is for the rest.
        let openFiles = try OpenFileLimit.raise()
        let healthPorts = HealthPorts(
            open: namespace.serviceHealthSocket, maximumSockets: Int(clamping: openFiles / 2),
            log: log
        ) { await state.healthFacts().isHealthy }
        var settings = configuration.settings
        // A flow that the kernel may know is not made where it can't be asked.
        settings.translatesServices = datapath.podRoutingObstacle == nil
        reservePorts(configuration, isNeeded: settings.translatesServices, log: log)
        settings.xdp = configuration.xdp != .off
        settings.programsRunFirst = datapath.interfaceHookKind == "tcx"
        let reconciler = Reconciler(
            settings: settings, applier: datapath, requests: wishes.requests(healthPorts), log: log)
        let collector = datapath.flowCollector(configuration.flowTimeouts)
        let events = try datapath.events()
        let directory = ManifestDirectory(manifests, log: log)
        await state.attach(
            datapath: datapath, collector: collector, reconciler: reconciler,
            manifests: directory, healthPorts: healthPorts, isRestored: datapath.isActive())
        for remark in await state.remarks { log.warning("\(remark)") }

        var services: [any ServiceLifecycle.Service] = [
            HTTPService(server: control),
            ReconcilerService(reconciler: reconciler),
            NetworkService(reconciler: reconciler, datapath: datapath, log: log),
            FlowService(collector: collector, log: log),
            EventService(
                events: events, serviceNames: { await state.serviceNames() }, log: log),
            WishService(wishes: wishes, datapath: datapath, reconciler: reconciler, log: log),
            ManifestService(directory: directory, reconciler: reconciler),
            HealthPortService(ports: healthPorts),
            ActivationService(state: state, datapath: datapath, reconciler: reconciler, log: log),
            LastStateService(
                state: state, path: AwayView.servicesPath(in: configuration.stateDirectory),
                log: log),
        ]
        if cgroup != nil {
            services.append(
                NamespaceService(
                    directory: NetworkNamespace.directory, datapath: datapath, log: log))
        }
        if let cgroup, !configuration.socketLBExcludeCgroups.isEmpty {
            let exclusion = ExclusionService(
                root: cgroup, globs: configuration.socketLBExcludeCgroups.map(Glob.init),
                datapath: datapath, log: log)
            try await exclusion.prepare()
            services.append(exclusion)
        }
        if let path = configuration.ipamCheckpoint {
            services.append(CheckpointService(path: path, state: state, log: log))
        }
        if let address = configuration.healthz {
            let server = NodeHealthServer(
                at: address, open: namespace.nodeHealthSocket, log: log, facts: state.healthFacts)
            services.append(HealthService(server: server))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: quiet(log)))
        log.info(
            "Starting.",
            metadata: [
                "node": "\(configuration.nodeName)", "hooks": "\(datapath.interfaceHookKind)",
                "manifests": "\(manifests)",
            ])
        try await group.run()
        log.info("Stopped; the datapath goes on as it is.")
        _ = consume lock
    }

    /// Ports that nobody else may get are reserved before the first flow is given one. Where that
    /// is forbidden the allocator still asks for each port whether a socket has it.
    private static func reservePorts(
        _ configuration: Configuration, isNeeded: Bool, log: Logger
    ) {
        guard isNeeded, configuration.podRouting != .off, configuration.setSysctls != .off else {
            return
        }
        do {
            try ReservedPorts(stateDirectory: configuration.stateDirectory)
                .reserve(configuration.masqueradePorts)
        } catch {
            log.warning(
                "The masquerade ports are not reserved.", metadata: ["reason": "\(error)"])
        }
    }

    private static func openDatapath(
        _ configuration: Configuration, cgroup: String?, log: Logger
    ) throws -> Datapath {
        let datapath = try Datapath(
            DatapathConfiguration(
                bpffs: configuration.bpffs, cgroup: cgroup,
                podRouting: configuration.podRouting != .off,
                flowMemoryMiB: configuration.flowMemoryMiB,
                leftAlone: .init(
                    pods: configuration.socketLB == .hostOnly,
                    excludedCgroups: !configuration.socketLBExcludeCgroups.isEmpty),
                xdp: XDPChoice(rawValue: configuration.xdp.rawValue) ?? .off),
            logger: log)
        if configuration.podRouting == .on, let obstacle = datapath.podRoutingObstacle {
            throw StartFailure("--pod-routing on: \(obstacle)")
        }
        if let obstacle = datapath.podRoutingObstacle, configuration.leavesDialsToPackets {
            throw StartFailure(
                "--socket-lb host-only and --socket-lb-exclude-cgroup leave dials to the packet "
                    + "path, which is off: \(obstacle)")
        }
        return datapath
    }

    /// The life cycle's own chatter is for developers.
    private static func quiet(_ log: Logger) -> Logger {
        var quiet = log
        quiet.logLevel = max(log.logLevel, .warning)
        return quiet
    }
}
