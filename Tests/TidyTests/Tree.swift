// The repository as the tidy tests see it: every text file that people write, read once.
// Generated things (.build) and licences are not part of it; neither are recorded fixtures, which
// are as long and as wide as whoever wrote them made them.

import FoundationEssentials
import Testing

/// One file of the repository.
struct SourceFile: Sendable {
    /// Relative to the root, with `/`.
    let path: String
    let lines: [String]

    /// A file, or a sample of one, with this text.
    init(_ path: String, _ text: String) {
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The last component: `Encode.swift`.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    /// `Sources/Model` for `Sources/Model/CIDR.swift`.
    var folder: String { String(path.dropLast(name.count + 1)) }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
    /// Scripts have no suffix here; their first line tells.
    var isScript: Bool { lines.first?.hasPrefix("#!") ?? false }
    var isCode: Bool { isSwift || isC || isScript }
    var isTest: Bool { path.hasPrefix("Tests/") }

    /// `path:line: message`, as compilers print it.
    func finding(_ index: Int, _ message: String) -> String { "\(path):\(index + 1): \(message)" }
}

/// All files, found from this file's own place.
enum Tree {
    /// Folders that hold nothing written by hand for this project.
    private static let ignored: Set<String> = [
        ".build", ".git", ".swiftpm", "LICENSES", "Fixtures",
    ]

    static let root = String(#filePath.dropLast("/Tests/TidyTests/Tree.swift".count))
    static let files: [SourceFile] = read("")

    private static func read(_ folder: String) -> [SourceFile] {
        let place = folder.isEmpty ? root : "\(root)/\(folder)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        return names.sorted().flatMap { name -> [SourceFile] in
            if ignored.contains(name) { return [] }
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var isFolder = false
            let exists = FileManager.default.fileExists(
                atPath: "\(root)/\(path)", isDirectory: &isFolder)
            if exists && isFolder { return read(path) }
            guard let data = FileManager.default.contents(atPath: "\(root)/\(path)"),
                let text = String(validating: data, as: UTF8.self)
            else { return [] }
            return [SourceFile(path, text)]
        }
    }
}

/// Applies a rule to every file and records what it finds, a line each.
func expectClean(
    _ rule: (SourceFile) -> [String], at location: SourceLocation = #_sourceLocation
) {
    let findings = Tree.files.flatMap(rule)
    guard !findings.isEmpty else { return }
    let text = findings.joined(separator: "\n")
    Issue.record("\(findings.count) findings\n\(text)", sourceLocation: location)
}
