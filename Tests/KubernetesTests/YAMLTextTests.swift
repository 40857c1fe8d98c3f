// YAML as kubectl takes it: plain scalars by the core schema, several documents, bounded aliases.

import Testing

@testable import Kubernetes

@Suite struct YAMLTextTests {
    @Test("plain scalars are what they look like, quoted ones are strings")
    func scalars() throws {
        let text = """
            number: 80
            negative: -1
            float: 1.5
            quoted: "80"
            yes: yes
            address: 10.0.0.1
            v6: fd00::1
            minutes: 1:20
            version: 1.2.3
            "null": null
            empty:
            tilde: ~
            flag: true
            """
        let expected: ManifestValue = .map([
            "number": .number("80"), "negative": .number("-1"), "float": .number("1.5"),
            "quoted": .string("80"), "yes": .string("yes"), "address": .string("10.0.0.1"),
            "v6": .string("fd00::1"), "minutes": .string("1:20"), "version": .string("1.2.3"),
            "null": .null, "empty": .null, "tilde": .null, "flag": .bool(true),
        ])
        #expect(try YAMLText.parse(text) == [expected])
    }

    @Test("documents are separated, empty ones left out")
    func documents() throws {
        #expect(try YAMLText.parse("---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n").count == 2)
        #expect(try YAMLText.parse("") == [])
        #expect(try YAMLText.parse("# only a comment\n") == [])
    }

    @Test("JSON is YAML too")
    func json() throws {
        #expect(
            try YAMLText.parse(#"{"a": ["b", 1, true, null]}"#)
                == [.map(["a": .list([.string("b"), .number("1"), .bool(true), .null])])])
    }

    @Test("an alias stands for its anchor")
    func alias() throws {
        #expect(
            try YAMLText.parse("a: &x {p: 1}\nb: *x\n")
                == [.map(["a": .map(["p": .number("1")]), "b": .map(["p": .number("1")])])])
    }

    @Test("aliases that multiply end at the limit")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let references = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(references)]\n"
        }
        let error = #expect(throws: UnparsableText.self) {
            try YAMLText.parse(text, limit: 10_000)
        }
        #expect(error?.reason.contains("too many values") == true)
    }

    @Test(
        "what is no YAML is refused",
        arguments: [
            "a: b: c", "a: [1", "\ta: 1", "a: *nobody", "a: 1\na: 2", "'", "a: \"b", "? [x]\n: 1",
            "@a", String(repeating: "[", count: 100_000),
        ])
    func refused(text: String) {
        #expect(throws: UnparsableText.self) { try YAMLText.parse(text) }
    }

    @Test("a failure names line and column")
    func place() {
        let error = #expect(throws: UnparsableText.self) { try YAMLText.parse("a: 1\nb: [1\nc: 2") }
        #expect(error?.reason.hasPrefix("line 3, column ") == true)
    }
}
