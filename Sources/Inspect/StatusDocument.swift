// `needletail status`: whether the agent works and what it could not do. The table is for a person
// in a hurry: what is wrong comes before the long list of counters.

import Model
import Plan

/// The state of the agent on this node.
package struct StatusDocument: Document {
    /// A program and where it is attached.
    package struct Hook: Codable, Sendable, Equatable {
        /// `cgroup/connect4`, `tcx/ingress`, …
        package var hook: String
        /// `socket`, `pod` or `eni`.
        package var program: String
        /// How many cgroups or interfaces carry it.
        package var count: Int

        package init(hook: String, program: String, count: Int) {
            self.hook = hook
            self.program = program
            self.count = count
        }
    }

    /// What became of `--xdp`.
    package struct XDP: Codable, Sendable, Equatable {
        /// What was asked for: `auto`, `native` or `generic`.
        package var choice: String
        /// The primary ENI; absent until it is known.
        package var interface: String?
        /// `native`, `generic` or `off`.
        package var mode: String
        /// Why it is off, in the kernel's words, with the driver, its MTU and its queues.
        package var refusal: String?

        package init(choice: String, interface: String?, mode: String, refusal: String? = nil) {
            self.choice = choice
            self.interface = interface
            self.mode = mode
            self.refusal = refusal
        }

        /// `native on eth0`, `off (auto): …`
        var text: String {
            let place = interface.map { " on \($0)" } ?? ""
            if mode != "off" { return mode + place }
            return "off (\(choice)\(place)): \(refusal ?? "no primary ENI yet")"
        }
    }

    /// How much the maps hold.
    package struct Counts: Codable, Sendable, Equatable {
        /// Service ports, by family.
        package var services = 0
        package var frontends = 0
        package var backends = 0
        /// Pod addresses.
        package var pods = 0
        package var watchedPods = 0
        package var enis = 0
        package var localAddresses = 0
        package var prefixes = 0
        /// Health ports of Services, by family.
        package var healthPorts = 0

        package init() {}
    }

    /// Something that could not be programmed.
    package struct Failure: Codable, Sendable, Equatable {
        /// `service default/web`, `pod 10.0.0.1`, …
        package var unit: String
        package var reason: String

        package init(unit: String, reason: String) {
            self.unit = unit
            self.reason = reason
        }
    }

    /// An input that was not taken.
    package struct Refusal: Codable, Sendable, Equatable {
        /// The file.
        package var source: String
        package var reason: String

        package init(source: String, reason: String) {
            self.source = source
            self.reason = reason
        }
    }

    /// What the programs counted under one reason, over all CPUs.
    package struct Counter: Codable, Sendable, Equatable {
        /// `podToPod`, `stackWatched`, …
        package var reason: String
        /// Packets, or dials.
        package var packets: UInt64
        /// 0 for dials.
        package var bytes: UInt64

        package init(reason: String, packets: UInt64, bytes: UInt64) {
            self.reason = reason
            self.packets = packets
            self.bytes = bytes
        }
    }

    package var apiVersion = documentVersion
    package var kind = "Status"
    package var nodeName: String?
    /// `running`, `starting` or `away`.
    package var agent: String
    /// When the agent started, RFC 3339.
    package var startedAt: String?
    /// The first complete programming is done and the programs act.
    package var ready = false
    /// `active`; nothing else in this version.
    package var mode: String?
    /// Of the programs that act; 0: all are inert.
    package var generation: UInt32?
    /// Which sources have told everything.
    package var completeSources: [String] = []
    /// Which sources have not.
    package var awaitedSources: [String] = []
    package var hooks: [Hook] = []
    /// Absent unless `--xdp` asks for it.
    package var xdp: XDP?
    package var counts = Counts()
    package var flowTables: [FlowTable] = []
    /// Absent without an agent.
    package var removedFlows: RemovedFlows?
    package var failing: [Failure] = []
    package var refusals: [Refusal] = []
    /// Settings that were left out, and what else the operator should know.
    package var remarks: [String] = []
    /// Those that are not 0.
    package var counters: [Counter] = []

    package init(agent: String) { self.agent = agent }

    /// Nothing that an operator should look at: decides the exit status.
    package var isGood: Bool { ready && failing.isEmpty && refusals.isEmpty }
}

extension StatusDocument.Counts {
    /// What the view's maps hold.
    package init(_ view: NodeView) {
        services = Set(view.image.frontends.values.map(\.id)).count
        frontends = view.image.frontends.count
        backends = view.image.backends.count
        pods = view.image.pods.count
        watchedPods = view.image.pods.values.count { $0.watched != nil }
        enis = view.image.attachments.values.count { $0 == .eni }
        localAddresses = view.image.localAddresses.count
        prefixes = view.image.prefixes.count
        healthPorts = view.healthPorts.count
    }
}

extension StatusDocument {
    package var table: String {
        var lines: [[String]] = [
            ["NODE", nodeName ?? "unknown"],
            ["AGENT", startedAt.map { "\(agent) since \($0)" } ?? agent],
            ["READY", ready ? "yes" : readiness],
            ["MODE", mode ?? "unknown"],
            ["GENERATION", generation.map { $0 == 0 ? "0 (all inert)" : "\($0)" } ?? "unknown"],
            [
                "SERVICES",
                "\(counts.services) (\(counts.frontends) frontends, \(counts.backends) backends"
                    + (counts.healthPorts == 0 ? ")" : ", \(counts.healthPorts) health ports)"),
            ],
            ["PODS", "\(counts.pods) (\(counts.watchedPods) watched)"],
            ["ENIS", "\(counts.enis)"],
            ["HOST", "\(counts.localAddresses) addresses, \(counts.prefixes) prefixes"],
        ]
        lines += flowLines
        if let xdp { lines.append(["XDP", xdp.text]) }
        lines += failing.map { ["FAILING", "\($0.unit): \($0.reason)"] }
        lines += refusals.map { ["REFUSED", "\($0.source): \($0.reason)"] }
        lines += remarks.map { ["REMARK", $0] }
        let width = lines.map(\.[0].count).max() ?? 0
        var text = lines.map { line in
            line[0] + String(repeating: " ", count: width + 2 - line[0].count) + line[1] + "\n"
        }.joined()
        if !hooks.isEmpty {
            text +=
                "\n"
                + TextTable(
                    columns: ["PROGRAM", "HOOK", "ATTACHED"],
                    rows: hooks.map { [$0.program, $0.hook, "\($0.count)"] }
                ).text
        }
        if !counters.isEmpty {
            text +=
                "\n"
                + TextTable(
                    columns: ["COUNTER", "PACKETS", "BYTES"],
                    rows: counters.map { [$0.reason, "\($0.packets)", "\($0.bytes)"] }
                ).text
        }
        return text
    }

    private var readiness: String {
        awaitedSources.isEmpty ? "no" : "no: waiting for \(awaitedSources.joined(separator: ", "))"
    }
}
