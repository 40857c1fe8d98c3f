// One line a record, on stderr: stdout belongs to data. As text for people, as JSON for collectors.

import FoundationEssentials
import Glibc
package import Logging

/// Renders and writes log records.
package struct LineLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let format: Configuration.LogFormat
    private let write: @Sendable (String) -> Void

    /// - Parameter write: gets whole lines with their line feed.
    package init(
        level: Logger.Level, format: Configuration.LogFormat,
        write: @escaping @Sendable (String) -> Void = LineLog.standardError
    ) {
        logLevel = level
        self.format = format
        self.write = write
    }

    /// What every record of this logger carries.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        if let error = event.error { fields["error"] = "\(error)" }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        write(
            Self.line(
                time: time, level: event.level, message: event.message.description, fields: sorted,
                format: format))
    }

    /// One record as one line; a line feed inside is shown as `\n`.
    package static func line(
        time: String, level: Logger.Level, message: String, fields: [(String, String)],
        format: Configuration.LogFormat
    ) -> String {
        switch format {
        case .text:
            var line = "\(time) \(level) \(escaped(message))"
            for (key, value) in fields {
                let bare =
                    !value.isEmpty && value.allSatisfy { $0 > " " && $0 != "\"" && $0 != "=" }
                line += " \(key)=" + (bare ? value : "\"\(escaped(value, quotes: true))\"")
            }
            return line + "\n"
        case .json:
            let own = [("time", time), ("level", level.rawValue), ("message", message)]
            let members = (own + fields).map { key, value in
                "\"\(jsonEscaped(key))\":\"\(jsonEscaped(value))\""
            }
            return "{\(members.joined(separator: ","))}\n"
        }
    }

    /// One write(2) a line, so that lines of several threads do not mix.
    package static let standardError: @Sendable (String) -> Void = { line in
        let bytes = Array(line.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\"" where quotes: result += "\\\""
            case "\u{0}"..<" ", "\u{7f}": result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func jsonEscaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<" ":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Configuration {
    /// The agent's logger.
    package var logger: Logger {
        Logger(label: "needletail") { _ in
            LineLog(level: Logger.Level(rawValue: logLevel.rawValue) ?? .info, format: logFormat)
        }
    }
}
