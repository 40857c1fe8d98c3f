// How files look: width, length, head and name. The numbers are the house's; a file that needs
// more than the soft length says so, and why, in its own head.

import Testing

private let widthMax = 100
private let lengthSoftMax = 400
private let lengthHardMax = 600
/// Lines of comment a head may have; more is a document, which belongs elsewhere.
private let headMax = 12
private let vagueNames = ["Utils", "Utilities", "Helpers", "Helper", "Common", "Manager", "Misc"]

/// Lines wider than 100 columns, tabs counted as eight. In tests a line that begins with a string
/// may be wider: a test's name is a sentence, and bytes stand beside what they mean.
func tooWide(_ file: SourceFile) -> [String] {
    guard file.isCode else { return [] }
    return file.lines.enumerated().compactMap { index, line in
        guard line.utf8.count > widthMax || line.utf8.contains(9) else { return nil }
        var column = 0
        for character in line { column += character == "\t" ? 8 - column % 8 : 1 }
        if column <= widthMax || (file.isTest && beginsWithString(line)) { return nil }
        return file.finding(index, "\(column) columns wide, at most \(widthMax)")
    }
}

private func beginsWithString(_ line: String) -> Bool {
    line.trimmingPrefix { $0 == " " }.hasPrefix("\"")
}

/// Files longer than 600 lines, or longer than 400 without the words "Long because" in their head.
func tooLong(_ file: SourceFile) -> [String] {
    let count = file.lines.count
    guard file.isCode, count > lengthSoftMax else { return [] }
    if count > lengthHardMax {
        return [file.finding(count - 1, "longer than \(lengthHardMax) lines")]
    }
    if head(file).contains(where: { $0.contains("Long because") }) { return [] }
    return [file.finding(count - 1, "longer than \(lengthSoftMax) lines and no \"Long because\"")]
}

/// The comment a file begins with, without the lines that machines read.
func head(_ file: SourceFile) -> [String] {
    var comment: [String] = []
    for line in file.lines {
        let text = line.trimmingPrefix { $0 == " " || $0 == "\t" }
        if text.hasPrefix("#!") || text.hasPrefix("// swift-tools-version") { continue }
        let isComment = ["//", "/*", "*", "#", "\"\"\""].contains { text.hasPrefix($0) }
        let isDirective = file.isC && text.hasPrefix("#")
        guard isComment, !isDirective, !text.hasPrefix("///") else { break }
        if !text.contains("SPDX-License-Identifier") { comment.append(String(text)) }
    }
    return comment
}

/// Code without a head, or with a head that is a document.
func headless(_ file: SourceFile) -> [String] {
    guard file.isCode else { return [] }
    let count = head(file).count
    if count == 0 { return [file.finding(0, "no head: what is this file for?")] }
    if !file.isScript && count > headMax {
        return [file.finding(0, "a head of \(count) lines, at most \(headMax)")]
    }
    return []
}

/// Names of files and folders that say nothing.
func vaguelyNamed(_ file: SourceFile) -> [String] {
    let words = file.path.split { $0 == "/" || $0 == "." || $0 == "+" || $0 == "_" || $0 == "-" }
    guard
        words.contains(where: { word in
            vagueNames.contains { word.hasSuffix($0) || word.lowercased() == $0.lowercased() }
        })
    else { return [] }
    return [file.finding(0, "this name says nothing")]
}

@Suite struct LayoutTests {
    @Test("no line is wider than 100 columns")
    func width() {
        expectClean(tooWide)
        let line = String(repeating: "x", count: 101)
        #expect(tooWide(SourceFile("Sources/A.swift", line)).count == 1)
        #expect(
            tooWide(SourceFile("bpf/a.h", String(repeating: "\t", count: 12) + "12345")).count == 1)
        #expect(tooWide(SourceFile("Sources/A.swift", String(line.dropLast()))) == [])
    }

    @Test("no file is longer than 600 lines, and one longer than 400 says why")
    func length() {
        expectClean(tooLong)
        let body = String(repeating: "let x = 1\n", count: 500)
        #expect(tooLong(SourceFile("Sources/A.swift", "// A.\n" + body)).count == 1)
        #expect(
            tooLong(SourceFile("Sources/A.swift", "// Long because of a table.\n" + body)) == [])
        #expect(
            tooLong(SourceFile("Sources/A.swift", "// Long because.\n" + body + body)).count == 1)
    }

    @Test("every file begins by saying what it is for")
    func heads() {
        expectClean(headless)
        #expect(headless(SourceFile("Sources/A.swift", "import Model\n")).count == 1)
        #expect(
            headless(SourceFile("bpf/a.h", "/* SPDX-License-Identifier: X */\n#pragma once")).count
                == 1)
        #expect(headless(SourceFile("Sources/A.c", "#define _GNU_SOURCE\n")).count == 1)
        #expect(headless(SourceFile("Sources/A.swift", "/// Doc.\nstruct A {}")).count == 1)
        #expect(headless(SourceFile("Sources/A.swift", "// Values.\n\nimport Model")) == [])
    }

    @Test("no file or folder has a name that says nothing")
    func names() {
        expectClean(vaguelyNamed)
        #expect(vaguelyNamed(SourceFile("Sources/Model/StringUtils.swift", "")).count == 1)
        #expect(vaguelyNamed(SourceFile("bpf/lib/common.h", "")).count == 1)
        #expect(vaguelyNamed(SourceFile("Sources/Model/CIDR.swift", "")) == [])
    }
}
