// What the running agent can tell about itself: the parts it reads, and the answers it makes of
// them. Built when asked for, by the same functions that the command line uses without us.

import Datapath
import FoundationEssentials
import HTTP
import Health
import Inspect
import Kubernetes
import Model
import NIOCore
import Plan
import Reconcile

/// The agent as the control socket and the health port see it.
actor AgentState {
    private let configuration: Configuration
    private let startedAt = Date()
    private(set) var datapath: Datapath?
    private var reconciler: Reconciler?
    private var manifests: ManifestDirectory?
    private var healthPorts: HealthPorts?
    private var collector: FlowCollector?
    private var podNames: [IPAddress: ObjectName] = [:]
    private var isActive = false
    /// What an earlier agent activated goes on acting while we start.
    private var isRestored = false
    private(set) var remarks: [String]

    init(_ configuration: Configuration, remarks: [String]) {
        self.configuration = configuration
        self.remarks = remarks
    }

    func attach(
        datapath: Datapath, collector: FlowCollector, reconciler: Reconciler,
        manifests: ManifestDirectory, healthPorts: HealthPorts, isRestored: Bool
    ) {
        self.datapath = datapath
        self.collector = collector
        remarks += datapath.remarks
        self.reconciler = reconciler
        self.manifests = manifests
        self.healthPorts = healthPorts
        self.isRestored = isRestored
        if let obstacle = datapath.podRoutingObstacle {
            remarks.append("pod routing is off: \(obstacle)")
        }
    }

    func activated() { isActive = true }

    func setPodNames(_ names: [IPAddress: ObjectName]) { podNames = names }

    // MARK: Views

    /// The maps as they are, with the names and reasons that only we know.
    func view() async throws -> NodeView {
        var view = NodeView()
        view.podNames = podNames
        view.healthPorts = healthPorts?.states ?? []
        guard let datapath, let reconciler else { return view }
        view.image = try await datapath.restore()
        view.network = await reconciler.snapshot.network
        let desired = await reconciler.desired
        for port in desired.services.values.joined() {
            for frontend in port.frontends.keys { view.serviceNames[frontend] = port.name }
        }
        for conflict in await reconciler.status.conflicts {
            view.serviceNames[conflict.frontend] = conflict.owner
        }
        // The maps say that a pod is watched, the desired state by what.
        for pod in view.image.pods.values {
            guard pod.watched != nil, let reason = desired.pods[pod.address]?.watched else {
                continue
            }
            var pod = pod
            pod.watched = reason
            view.image.apply(.setPod(pod))
        }
        return view
    }

    /// Grows with every write to the maps, so that nobody dumps them without need.
    func writes() async -> UInt64 { await reconciler?.status.counters.operationsWritten ?? 0 }

    /// What works, what does not, and what the programs counted.
    func status() async throws -> StatusDocument {
        var status = StatusDocument(agent: "starting")
        status.nodeName = configuration.nodeName
        status.startedAt = startedAt.formatted(.iso8601)
        status.mode = "active"
        status.remarks = remarks
        status.refusals = (manifests?.refusals ?? []).map {
            StatusDocument.Refusal(
                source: $0.object.isEmpty ? $0.file : "\($0.file): \($0.object)", reason: $0.reason)
        }
        guard let datapath, let reconciler else { return status }
        status.agent = "running"
        status.ready = isActive
        status.generation = await datapath.isActive() ? datapath.generation : 0
        let progress = await reconciler.status
        status.completeSources = progress.completeSources.map(\.rawValue).sorted()
        status.awaitedSources = Set(Source.allCases).subtracting(progress.completeSources)
            .map(\.rawValue).sorted()
        status.failing = progress.failing.map {
            StatusDocument.Failure(
                unit: "\($0.unit)", reason: "\($0.reason), for \($0.age.components.seconds) s")
        }
        status.failing += progress.conflicts.map {
            StatusDocument.Failure(unit: "frontend \($0.frontend)", reason: "\($0)")
        }
        status.add(healthPorts?.states ?? [])
        status.add(await datapath.attachments())
        status.add(await datapath.xdpState(), await reconciler.snapshot.network)
        status.add(try await datapath.counters())
        status.counts = StatusDocument.Counts(try await view())
        if let collector { status.add(await collector.report()) }
        return status
    }

    // MARK: Health

    /// What the health ports are answered from.
    func healthFacts() async -> HealthFacts {
        var facts = HealthFacts()
        let now = Date()
        facts.now = now.formatted(.iso8601)
        facts.isProgrammed = isActive || isRestored
        let progress = await reconciler?.progress
        for family in IPFamily.allCases {
            let since = progress?.sinceSuccess[family]?.components.seconds
            let updated = since.map { now - TimeInterval($0) } ?? startedAt
            facts.families[family] = HealthFacts.Family(
                oldestWait: progress?.oldestWait[family], lastUpdated: updated.formatted(.iso8601))
        }
        facts.isNodeEligible = progress?.isNodeEligible ?? false
        return facts
    }

    // MARK: Routes

    nonisolated var controlRoutes: HTTPRoutes {
        HTTPRoutes([
            "/v1/status": { await Self.answer { try await self.status() } },
            "/v1/services": { await self.list(ServiceItem.self) { DocumentList($0) } },
            "/v1/pods": { await self.list(PodItem.self) { DocumentList($0) } },
            "/v1/flows": { await Self.answer { try await self.flows() } },
            "/v1/enis": { await self.list(ENIItem.self) { DocumentList($0) } },
        ])
    }

    private nonisolated func list<Item: DocumentItem>(
        _: Item.Type, _ make: @escaping @Sendable (NodeView) -> DocumentList<Item>
    ) async -> HTTPResponse {
        await Self.answer { make(try await self.view()) }
    }

    private static func answer(
        _ document: () async throws -> some Document
    ) async -> HTTPResponse {
        do {
            return .json(200, ByteBuffer(bytes: try await document().json))
        } catch {
            return .text(500, "\(error)")
        }
    }
}
