// The arrows between rooms. Package.swift declares them and the compiler holds every file to what
// is declared; this table holds Package.swift to the architecture. Whoever needs a new arrow
// changes this table, in sight of everybody.

import Testing

/// What each room may import of ours; C modules and packages from outside included.
private let arrows: [String: Set<String>] = [
    "Model": [],
    "Resolve": ["Model"],
    "Plan": ["Model"],
    "Linux": ["CLinux"],
    "Netlink": ["CLibMNL", "Linux", "Model"],
    "BPF": ["CLibBPF", "Linux"],
    "Datapath": ["BPF", "Plan", "Model", "Linux", "CDatapath", "Logging"],
    "Kubernetes": ["Model", "Linux", "Logging", "Yams"],
    "IPAM": ["Model"],
    "Reconcile": ["Model", "Resolve", "Plan", "Logging"],
    "HTTP": ["Linux", "Model", "NIOCore", "NIOPosix", "NIOHTTP1"],
    "Health": ["Model", "HTTP", "Logging"],
    "Inspect": ["Datapath", "Netlink", "IPAM", "Plan", "Resolve", "Model", "CDatapath"],
    "Lab": ["Linux", "Netlink", "Model", "NIOCore", "NIOPosix", "NIOHTTP1"],
    "Agent": [
        "Model", "Kubernetes", "IPAM", "Netlink", "Linux", "Reconcile", "Resolve", "Plan",
        "Datapath", "Inspect", "Health", "HTTP", "Logging", "ServiceLifecycle", "UnixSignals",
        "Yams",
        "ArgumentParser", "NIOCore",
        "NIOPosix",
        "NIOHTTP1",
    ],
    "needletail": ["Agent", "HTTP", "Inspect", "Model", "ArgumentParser"],
    "needletail-lab": ["Lab", "Model", "Linux", "ArgumentParser"],
]

/// System modules that only some rooms may use; the pure rooms may use none of them.
private let systemModules: [String: Set<String>] = [
    "Foundation": ["Kubernetes", "Agent"],
    "FoundationEssentials": [
        "Kubernetes", "IPAM", "Agent", "Lab", "Inspect", "needletail", "needletail-lab",
    ],
    "Glibc": [
        "Linux", "Netlink", "BPF", "Datapath", "Kubernetes", "Lab", "Agent", "needletail",
        "needletail-lab",
    ],
    "Dispatch": ["Linux", "Netlink", "BPF", "Kubernetes", "Lab", "Agent", "needletail-lab"],
    "Synchronization": [
        "Linux", "Netlink", "BPF", "Datapath", "Kubernetes", "Lab", "Agent", "Reconcile", "HTTP",
        "Health",
    ],
]

/// Imports in a room's file that the table does not allow.
func forbiddenImports(_ file: SourceFile) -> [String] {
    let parts = file.path.split(separator: "/").map(String.init)
    guard file.isSwift, parts.count > 2, parts[0] == "Sources" else { return [] }
    let room = parts[1]
    guard let allowed = arrows[room] else {
        return [file.finding(0, "the room \(room) is not in the table of arrows")]
    }
    return file.lines.enumerated().compactMap { index, line in
        guard let module = importedModule(line) else { return nil }
        if let rooms = systemModules[module] {
            return rooms.contains(room) ? nil : file.finding(index, "\(room) may not use \(module)")
        }
        return allowed.contains(module)
            ? nil : file.finding(index, "\(room) may not import \(module)")
    }
}

/// `Model` for `package import struct Model.CIDR`; nil for lines that import nothing.
private func importedModule(_ line: String) -> String? {
    var words = line.split(separator: " ")
    if let first = words.first, ["package", "public", "internal", "@testable"].contains(first) {
        words.removeFirst()
    }
    guard words.count >= 2, words[0] == "import" else { return nil }
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "typealias"]
    let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
    return name.split(separator: ".").first.map(String.init)
}

/// What Package.swift declares for a room beyond the table.
func forbiddenDeclarations(_ manifest: SourceFile) -> [String] {
    let text = manifest.lines.joined(separator: " ")
    return arrows.keys.sorted().flatMap { room -> [String] in
        guard let start = firstDeclaration(of: room, in: text) else { return [] }
        let declaration = text[start...].prefix { $0 != "]" }
        let names = declaration.split(separator: "\"").enumerated()
            .compactMap { $0.offset % 2 == 1 ? String($0.element) : nil }
        return names.filter { arrows[$0] != nil || $0.hasPrefix("CL") || $0 == "CDatapath" }
            .filter { $0 != room && arrows[room]?.contains($0) == false }
            .map { "Package.swift: \(room) may not depend on \($0)" }
    }
}

/// Where the dependency list of a room begins: after its quoted name in room(…) or a target.
private func firstDeclaration(of room: String, in text: String) -> String.Index? {
    let forms = ["room(\"\(room)\",", "room( \"\(room)\",", "name: \"\(room)\", dependencies:"]
    let squeezed = forms + forms.map { $0.replacing("room( ", with: "room(             ") }
    return squeezed.lazy.compactMap { text.firstRange(of: $0)?.upperBound }.first
}

@Suite struct RoomTests {
    @Test("no room imports what its card forbids")
    func imports() {
        expectClean(forbiddenImports)
        #expect(forbiddenImports(SourceFile("Sources/Plan/A.swift", "import Datapath")).count == 1)
        #expect(
            forbiddenImports(SourceFile("Sources/BPF/A.swift", "package import Model")).count == 1)
        #expect(
            forbiddenImports(SourceFile("Sources/Resolve/A.swift", "import Foundation")).count == 1)
        #expect(forbiddenImports(SourceFile("Sources/Attic/A.swift", "")).count == 1)
        #expect(
            forbiddenImports(SourceFile("Sources/Plan/A.swift", "import struct Model.CIDR")) == [])
    }

    @Test("Package.swift declares no arrow that points up")
    func declarations() throws {
        let manifest = try #require(Tree.files.first { $0.path == "Package.swift" })
        #expect(forbiddenDeclarations(manifest) == [])
        let bad = SourceFile("Package.swift", "room(\"Plan\", [\"Model\", \"Datapath\"]),")
        #expect(forbiddenDeclarations(bad) == ["Package.swift: Plan may not depend on Datapath"])
        let wrapped = SourceFile(
            "Package.swift",
            "        room(\n            \"Agent\",\n            [\"Model\", \"Lab\"]),")
        #expect(forbiddenDeclarations(wrapped) == ["Package.swift: Agent may not depend on Lab"])
    }
}
