// What iproute2 prints, read back into values, so that recorded output of real and simulated nodes
// can be the input of tests. Reads only what those recordings hold; skips what no room looks at.

import Foundation
package import Model

/// Reads `ip` output. Interfaces are told apart by name, as `ip` prints them.
package struct KernelText {
    package var indexes: [String: UInt32]

    package init(indexes: [String: UInt32] = [:]) { self.indexes = indexes }

    /// The text of a recording that belongs to these tests.
    package static func fixture(_ name: String) throws -> String {
        guard let url = Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)
        else {
            throw CocoaError(.fileNoSuchFile)
        }
        return try String(contentsOf: url, encoding: .utf8)
    }

    /// `512:	from all to 10.0.2.33 lookup main`
    package func rule(_ line: String) -> Rule? {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let first = words.first, first.hasSuffix(":"),
            let priority = UInt32(first.dropLast()),
            words.contains("lookup")
        else { return nil }
        func value(_ key: String) -> String? {
            words.firstIndex(of: key).map { words[$0 + 1] }
        }
        let mark = value("fwmark")?.split(separator: "/").compactMap {
            UInt32($0.dropFirst(2), radix: 16)
        }
        return Rule(
            family: line.contains("::") ? .v6 : .v4, priority: priority,
            source: value("from").flatMap { CIDR($0) },
            destination: value("to").flatMap { CIDR($0) },
            mark: mark?.first ?? 0, markMask: mark?.last ?? 0,
            inputInterface: value("iif") ?? "", table: table(value("lookup") ?? "main"),
            isInverted: words.contains("not"))
    }

    /// `10.0.2.33 dev eni6a241e7f902 scope link`; nil for what is not unicast.
    package func route(_ line: String, table: UInt32 = Route.mainTable) -> Route? {
        let words = line.split(separator: " ").map(String.init)
        func value(_ key: String) -> String? {
            words.firstIndex(of: key).flatMap {
                words.indices.contains($0 + 1) ? words[$0 + 1] : nil
            }
        }
        guard let first = words.first, let device = value("dev"),
            let destination = destination(first, gateway: value("via"))
        else { return nil }
        return Route(
            table: value("table").map(self.table) ?? table, destination: destination,
            gateway: value("via").flatMap { IPAddress($0) }, interface: indexes[device],
            priority: value("metric").flatMap { UInt32($0) } ?? 0,
            isLinkScope: value("scope") == "link")
    }

    private func destination(_ word: String, gateway: String?) -> CIDR? {
        guard word == "default" else { return CIDR(word) }
        return CIDR(gateway?.contains(":") == true ? "::/0" : "0.0.0.0/0")
    }

    private func table(_ name: String) -> UInt32 {
        switch name {
        case "main": Route.mainTable
        case "local": 255
        case "default": 253
        default: UInt32(name) ?? 0
        }
    }

    // MARK: ip monitor

    /// The events of `ip -t monitor` output. A link's second line completes the first.
    package mutating func events(_ monitor: String) -> [NetworkEvent] {
        var events: [NetworkEvent] = []
        let lines = monitor.split(separator: "\n").map(String.init)
        for (number, line) in lines.enumerated() {
            guard line.hasPrefix("["), let end = line.firstIndex(of: "]") else { continue }
            var text = line[line.index(after: end)...].trimmingCharacters(in: .whitespaces)
            let isDeletion = text.hasPrefix("Deleted ")
            if isDeletion { text.removeFirst("Deleted ".count) }
            let next = lines.indices.contains(number + 1) ? lines[number + 1] : ""
            if let event = event(text, next, isDeletion) { events.append(event) }
        }
        return events
    }

    private mutating func event(
        _ text: String, _ next: String, _ isDeletion: Bool
    ) -> NetworkEvent? {
        if let rule = rule(text) { return isDeletion ? .ruleRemoved(rule) : .ruleAdded(rule) }
        if text.contains(": <"), let link = link(text, next) {
            indexes[link.name] = link.index
            return isDeletion ? .linkRemoved(link.index) : .linkChanged(link)
        }
        if text.contains("    inet"), let address = address(text) {
            return isDeletion ? .addressRemoved(address) : .addressAdded(address)
        }
        guard !text.contains("lladdr"), !text.contains("table local"), let route = route(text)
        else {
            return nil
        }
        return isDeletion ? .routeRemoved(route.key) : .routeChanged(route)
    }

    /// `6: eni6a241e7f902@if3: <BROADCAST,UP> mtu 1500 qdisc noqueue …` and its second line.
    private func link(_ first: String, _ second: String) -> Link? {
        let words = first.split(separator: " ").map(String.init)
        guard words.count > 4, let index = UInt32(words[0].dropLast()) else { return nil }
        let name = words[1].dropLast().split(separator: "@").first.map(String.init) ?? ""
        let flags = words[2].dropFirst().dropLast().split(separator: ",")
        let more = second.split(separator: " ").map(String.init)
        func value(_ key: String) -> String? {
            words.firstIndex(of: key).map { words[$0 + 1] }
        }
        return Link(
            index: index, name: name, kind: words[1].contains("@") ? "veth" : "",
            mac: more.first == "link/ether" ? MACAddress(more[1]) : nil,
            mtu: value("mtu").flatMap { UInt32($0) } ?? 0, isUp: flags.contains("UP"),
            hasPeerElsewhere: more.contains("link-netnsid"), rootQdisc: value("qdisc") ?? "")
    }

    /// `5: eth1    inet 10.0.2.20/24 scope global eth1`
    private func address(_ text: String) -> InterfaceAddress? {
        let words = text.split(separator: " ").map(String.init)
        guard words.count > 3, let index = UInt32(words[0].dropLast()) else { return nil }
        let parts = words[3].split(separator: "/").map(String.init)
        guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]) else {
            return nil
        }
        return InterfaceAddress(interface: index, address: address, prefixLength: length)
    }

    // MARK: ip -j

    private struct JSONRoute: Decodable {
        var type, dst, dev, table, scope: String
        var gateway: String?
        var metric: UInt32?
    }

    private struct JSONRule: Decodable {
        var priority: UInt32
        var src, table: String
        var dst, fwmark, fwmask: String?
    }

    /// `ip -j -d route show table all`; unicast routes only.
    package func routes(json: String) throws -> [Route] {
        try JSONDecoder().decode([JSONRoute].self, from: Data(json.utf8)).compactMap { route in
            guard route.type == "unicast",
                let destination = destination(route.dst, gateway: route.gateway)
            else { return nil }
            return Route(
                table: table(route.table), destination: destination,
                gateway: route.gateway.flatMap { IPAddress($0) }, interface: indexes[route.dev],
                priority: route.metric ?? 0, isLinkScope: route.scope == "link")
        }
    }

    /// `ip -j rule show`
    package func rules(json: String) throws -> [Rule] {
        func number(_ hex: String?) -> UInt32 {
            UInt32((hex ?? "0x0").dropFirst(2), radix: 16) ?? 0
        }
        return try JSONDecoder().decode([JSONRule].self, from: Data(json.utf8)).map { rule in
            Rule(
                family: .v4, priority: rule.priority, source: CIDR(rule.src),
                destination: rule.dst.flatMap { CIDR($0) }, mark: number(rule.fwmark),
                markMask: number(rule.fwmask), table: table(rule.table))
        }
    }
}
