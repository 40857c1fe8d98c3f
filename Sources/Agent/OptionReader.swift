// Reads one flag's texts as one type, and complains in one form. Knows types, not settings.

import Model

/// What was given, read as typed values. A flag that was not given leaves the value as it was.
struct OptionReader {
    let given: [Setting: Given]

    func complaint(_ flag: Setting, _ problem: String) -> UsageError {
        UsageError(flag, problem, given[flag]?.origin ?? .commandLine)
    }

    /// The single text of a flag; the last one wins, as is usual on command lines.
    func name(_ flag: Setting) throws(UsageError) -> String? {
        guard let text = given[flag]?.texts.last else { return nil }
        guard !text.isEmpty else { throw complaint(flag, "the value is empty") }
        return text
    }

    func list(_ flag: Setting) throws(UsageError) -> [String]? {
        guard let texts = given[flag]?.texts else { return nil }
        let items = texts.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .map { String($0.drop { $0 == " " }) }
        guard items.allSatisfy({ !$0.isEmpty }) else {
            throw complaint(flag, "the list has an empty item")
        }
        return items
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ flag: Setting, into value: inout Choice
    ) throws(UsageError) {
        guard let text = try name(flag) else { return }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw complaint(flag, "\"\(text)\" is none of \(all)")
        }
        value = choice
    }

    func boolean(_ flag: Setting, into value: inout Bool) throws(UsageError) {
        guard let text = try name(flag) else { return }
        switch text {
        case "on", "true": value = true
        case "off", "false": value = false
        default: throw complaint(flag, "\"\(text)\" is neither on nor off")
        }
    }

    func prefixes(_ flag: Setting, into value: inout [CIDR]) throws(UsageError) {
        guard let items = try list(flag) else { return }
        var prefixes: [CIDR] = []
        for item in items {
            guard let prefix = CIDR(item) else {
                throw complaint(flag, "\"\(item)\" is no address prefix")
            }
            prefixes.append(prefix)
        }
        value = prefixes
    }

    func absolutePath(_ flag: Setting) throws(UsageError) -> String? {
        guard let text = try name(flag) else { return nil }
        guard text.hasPrefix("/") else { throw complaint(flag, "\"\(text)\" is no absolute path") }
        return text
    }

    func path(_ flag: Setting, into value: inout String) throws(UsageError) {
        if let path = try absolutePath(flag) { value = path }
    }

    func url(_ flag: Setting) throws(UsageError) -> String? {
        guard let text = try name(flag) else { return nil }
        guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
            throw complaint(flag, "\"\(text)\" is no http:// or https:// address")
        }
        return text
    }

    func interface(_ flag: Setting) throws(UsageError) -> String? {
        guard let text = try name(flag) else { return nil }
        try check(interface: text, flag)
        return text
    }

    func interfaces(_ flag: Setting) throws(UsageError) -> [String]? {
        guard let names = try list(flag) else { return nil }
        for name in names { try check(interface: name, flag) }
        return names
    }

    /// IFNAMSIZ is 16 with the closing zero.
    private func check(interface: String, _ flag: Setting) throws(UsageError) {
        guard (1...15).contains(interface.utf8.count), !interface.contains("/") else {
            throw complaint(flag, "\"\(interface)\" can be no interface's name")
        }
    }

    func portRange(_ flag: Setting, into value: inout ClosedRange<UInt16>) throws(UsageError) {
        guard let text = try name(flag) else { return }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], low >= 1024, low <= high
        else {
            throw complaint(
                flag, "\"\(text)\" is no range of ports from 1024 up, such as 40960-65535")
        }
        value = low...high
    }

    func count(_ flag: Setting, into value: inout UInt32) throws(UsageError) {
        guard let text = try name(flag) else { return }
        guard let number = UInt32(text) else {
            throw complaint(flag, "\"\(text)\" is no number from 0 to \(UInt32.max)")
        }
        value = number
    }

    func mebibytes(_ flag: Setting, into value: inout Int) throws(UsageError) {
        guard let text = try name(flag) else { return }
        guard let number = Int(text), (1...65536).contains(number) else {
            throw complaint(flag, "\"\(text)\" is no number of MiB from 1 to 65536")
        }
        value = number
    }

    func bindAddress(_ flag: Setting, into value: inout BindAddress?) throws(UsageError) {
        guard let text = try name(flag) else { return }
        if text == "off" {
            value = nil
        } else if let address = BindAddress(text) {
            value = address
        } else if let address = IPAddress(text), let port = value?.port {
            // A bare address takes the default port, as kube-proxy has it.
            value = BindAddress(address: address, port: port)
        } else {
            throw complaint(flag, "\"\(text)\" is no ADDRESS:PORT")
        }
    }
}
