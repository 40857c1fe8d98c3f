// `--config FILE`: a YAML mapping from a flag's name to its value. A key that is no flag is an
// error: a misspelt setting that silently does nothing is worse than an agent that does not start.

import Yams

/// The config file as a layer of options.
enum ConfigFile {
    /// - Throws: `UsageError` when the text is no mapping of flags to scalars (or lists, for flags
    ///   that take several values).
    static func layer(path: String, yaml: String) throws(UsageError) -> [Setting: Given] {
        guard let root = try YAMLText.compose(yaml, path: path) else { return [:] }
        guard let mapping = root.mapping else {
            throw UsageError("--config: \(path) is not a mapping of flags to values")
        }
        var layer: [Setting: Given] = [:]
        for (key, value) in mapping {
            let name = key.string ?? ""
            guard let flag = Setting(rawValue: name), flag != .config else {
                throw UsageError("--config: \(path) has \"\(name)\", which is no setting")
            }
            let origin = Origin.configFile(path)
            if value.null != nil {
                continue
            } else if let text = value.string {
                layer[flag] = Given([text], origin)
            } else if let items = value.sequence, flag.isList {
                let texts = items.compactMap(\.string)
                guard texts.count == items.count else {
                    throw UsageError(
                        flag, "the list holds something that is not a plain value", origin)
                }
                layer[flag] = Given(texts, origin)
            } else {
                throw UsageError(flag, "wants a plain value", origin)
            }
        }
        return layer
    }
}

/// YAML in, nodes out, with the file named when it is malformed.
enum YAMLText {
    static func compose(_ yaml: String, path: String) throws(UsageError) -> Node? {
        do {
            return try Yams.compose(yaml: yaml)
        } catch {
            let reason = String(describing: error).split(separator: "\n").joined(separator: " ")
            throw UsageError("\(path) is not YAML: \(reason)")
        }
    }
}
