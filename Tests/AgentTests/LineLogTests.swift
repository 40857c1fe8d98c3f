// Log records as lines: one each, whatever is in them.

import FoundationEssentials
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite struct LineLogTests {
    @Test("a record is one line of text, odd values quoted, line feeds shown")
    func text() {
        let line = LineLog.line(
            time: "T", level: .info, message: "two\nlines",
            fields: [("a", "1"), ("b", "x y"), ("c", ""), ("d", "\"q\"")], format: .text)
        #expect(line == "T info two\\nlines a=1 b=\"x y\" c=\"\" d=\"\\\"q\\\"\"\n")
    }

    @Test("a record is one JSON object that any parser reads")
    func json() throws {
        let odd = "quote \" backslash \\ feed \n bell \u{7} é"
        let line = LineLog.line(
            time: "T", level: .warning, message: odd, fields: [(odd, odd)], format: .json)
        #expect(line.filter { $0 == "\n" }.count == 1)
        let read = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        #expect(read == ["time": "T", "level": "warning", "message": odd, odd: odd])
    }

    @Test("records below the level are not written, fields come sorted")
    func levels() {
        let written = Mutex<[String]>([])
        var logger = Logger(label: "x") { _ in
            LineLog(level: .info, format: .text) { line in written.withLock { $0.append(line) } }
        }
        logger[metadataKey: "z"] = "1"
        logger.debug("hidden")
        logger.info("shown", metadata: ["b": "2", "a": "3"])
        let lines = written.withLock { $0 }
        #expect(lines.count == 1)
        #expect(lines[0].hasSuffix(" info shown a=3 b=2 z=1\n"))
        #expect(lines[0].prefix { $0 != " " }.contains("T"))
    }
}
