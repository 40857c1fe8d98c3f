// Rules that the Swift compiler does not know: where unsafe pointers may live, and that whatever
// crosses a module's door says what it is.

import Testing

private let unsafeWords = [
    "UnsafePointer", "UnsafeMutablePointer", "UnsafeRawPointer", "UnsafeMutableRawPointer",
    "UnsafeBufferPointer", "UnsafeMutableBufferPointer", "UnsafeRawBufferPointer",
    "UnsafeMutableRawBufferPointer", "OpaquePointer", "Unmanaged<", "unsafeBitCast",
    "withUnsafe", "nonisolated(unsafe)", "@unchecked",
]
private let unsafePlaces = [
    "Sources/Linux/", "Sources/Netlink/", "Sources/BPF/", "Sources/Datapath/Encode.swift",
]

/// Unsafe code outside the rooms next to the kernel. What builds the product (tools/, the package
/// itself) runs on a developer's machine only and is left alone.
func unsafeOutOfPlace(_ file: SourceFile) -> [String] {
    guard file.isSwift, file.path.hasPrefix("Sources/"),
        !unsafePlaces.contains(where: { file.path.hasPrefix($0) })
    else { return [] }
    return file.lines.enumerated().compactMap { index, line in
        let isComment = line.trimmingPrefix { $0 == " " }.hasPrefix("//")
        guard !isComment, let word = unsafeWords.first(where: { line.contains($0) }) else {
            return nil
        }
        return file.finding(index, "\(word) outside Linux, Netlink, BPF and Datapath/Encode.swift")
    }
}

private let documented = [
    "struct", "enum", "class", "actor", "protocol", "typealias", "func", "subscript", "init?",
]
private let modifiers: Set<Substring> = [
    "static", "final", "mutating", "consuming", "borrowing", "nonisolated", "indirect", "override",
    "convenience", "isolated",
]

/// Types, functions, subscripts and failable initialisers that cross the door without a word.
/// Fields and memberwise initialisers may be plain by their names; operators and what a standard
/// protocol asks for are described by that protocol.
func undocumented(_ file: SourceFile) -> [String] {
    guard file.isSwift, file.path.hasPrefix("Sources/") else { return [] }
    var previous: Substring = ""
    var findings: [String] = []
    for (index, line) in file.lines.enumerated() {
        let text = line.trimmingPrefix { $0 == " " }
        let words = text.split(separator: " ")
        if let first = words.first, first == "package" || first == "public" {
            let rest = words.dropFirst().drop { modifiers.contains($0) }
            let kind = rest.first ?? ""
            let name = rest.dropFirst().first ?? ""
            let isDeclaration = documented.contains {
                kind == $0 || kind.hasPrefix($0 + "(") || kind.hasPrefix($0 + "<")
            }
            if isDeclaration && !isWitness(kind, name) && !previous.hasPrefix("///") {
                findings.append(file.finding(index, "crosses the door without a word: \(text)"))
            }
        }
        // An attribute stands between a declaration and its words.
        if !(text.hasPrefix("@") && words.count == 1) { previous = text }
    }
    return findings
}

private func isWitness(_ kind: Substring, _ name: Substring) -> Bool {
    let witnesses = [
        "hash(into", "encode(to", "log(event", "makeAsyncIterator(", "makeIterator(", "next(",
        "==(", "<(",
    ]
    let associated = ["Element", "AsyncIterator:", "Iterator:", "Failure"]
    if kind == "typealias" || kind == "struct" { return associated.contains(String(name)) }
    if kind.hasPrefix("init?(argument") { return true }
    let isOperator = name.first.map { !$0.isLetter && $0 != "_" && $0 != "`" } ?? false
    return kind == "func" && (isOperator || witnesses.contains { name.hasPrefix($0) })
}

@Suite struct SwiftTests {
    @Test("unsafe pointers live in Linux, Netlink, BPF and Datapath/Encode.swift only")
    func pointers() {
        expectClean(unsafeOutOfPlace)
        let line = "let p = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)"
        #expect(unsafeOutOfPlace(SourceFile("Sources/Plan/A.swift", line)).count == 1)
        #expect(unsafeOutOfPlace(SourceFile("Sources/Datapath/Apply.swift", line)).count == 1)
        #expect(unsafeOutOfPlace(SourceFile("Sources/BPF/A.swift", line)) == [])
    }

    @Test("whatever crosses a module's door says what it is")
    func docs() {
        expectClean(undocumented)
        let bare = "    package static func parse(_ text: String) -> Int { 1 }"
        #expect(undocumented(SourceFile("Sources/Plan/A.swift", bare)).count == 1)
        #expect(
            undocumented(SourceFile("Sources/Plan/A.swift", "public final class A {}")).count == 1)
        #expect(undocumented(SourceFile("Sources/Plan/A.swift", "/// A.\n@frozen\n" + bare)) == [])
        let operators = "package static func < (a: A, b: A) -> Bool { true }"
        #expect(undocumented(SourceFile("Sources/Plan/A.swift", operators)) == [])
    }
}
