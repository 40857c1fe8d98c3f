// JSON by the letter of RFC 8259: what is no JSON is refused, with the place where it goes wrong.

import Testing

@testable import Kubernetes

private func parse(_ text: String) throws(UnparsableText) -> ManifestValue {
    try JSONText.parse(Array(text.utf8))
}

@Suite struct JSONTextTests {
    @Test("every kind of value is read")
    func values() throws {
        let text = #"""
            {"a": [1, -2.5e+3, 0], "b": {"c": null}, "d": true, "e": false,
             "f": "\u00e9\n\"\\\/\ud83d\ude00", "g": [], "h": {}}
            """#
        let expected: ManifestValue = .map([
            "a": .list([.number("1"), .number("-2.5e+3"), .number("0")]),
            "b": .map(["c": .null]), "d": .bool(true), "e": .bool(false),
            "f": .string("é\n\"\\/😀"), "g": .list([]), "h": .map([:]),
        ])
        #expect(try parse(text) == expected)
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", " ", "{", "}", "[1,]", "[1 2]", #"{"a":1,}"#, #"{"a"}"#, "{a:1}", "tru", "nul",
            "01", "-", "1.", ".5", "1e", "+1", "0x1", "NaN", #""\x""#, #""\u12""#, #""\ud800""#,
            #""\udc00""#, #""a"#, "\"a\nb\"", "1 2", #"{"a":1,"a":2}"#, "'a'", "[1]]",
        ])
    func refused(text: String) {
        #expect(throws: UnparsableText.self) { try parse(text) }
    }

    @Test("a text that ends too early is refused, wherever it ends")
    func truncated() throws {
        let text = Array(#"{"a": [1, {"b": "c\u00e9"}, null], "d": true}"#.utf8)
        for length in text.indices {
            #expect(throws: UnparsableText.self) { try JSONText.parse(Array(text[..<length])) }
        }
        _ = try JSONText.parse(text)
    }

    @Test("random bytes are read or refused, and nothing else happens")
    func garbage() {
        for seed in 0..<2000 {
            var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15
            let alphabet = Array(#"{}[]":,\u0123e-.tfn "#.utf8)
            let bytes = (0..<40).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return alphabet[Int(state >> 33) % alphabet.count]
            }
            _ = try? JSONText.parse(bytes)
        }
    }

    @Test("bytes that are no UTF-8 are refused inside a string")
    func encoding() {
        #expect(throws: UnparsableText.self) { try JSONText.parse([0x22, 0xff, 0x22]) }
    }

    @Test("depth has a limit, and the reason says where")
    func depth() throws {
        let deep = String(repeating: "[", count: 200_000)
        let error = #expect(throws: UnparsableText.self) { try parse(deep) }
        #expect(error?.reason == "line 1, column 101: nested too deeply")
        _ = try parse(
            String(repeating: "[", count: ManifestLimit.depth)
                + String(repeating: "]", count: ManifestLimit.depth))
    }

    @Test("a failure names line and column")
    func place() {
        let error = #expect(throws: UnparsableText.self) { try parse("{\n  \"a\": x\n}") }
        #expect(error?.reason == "line 2, column 8: expected a value")
    }
}
