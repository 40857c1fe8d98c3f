// Kernel settings of a namespace, written together: entering the namespace costs more than a file.

import Linux

/// Sysctls below /proc/sys/net, which belong to a network namespace.
enum Settings {
    /// Addresses are usable at once (no duplicate address detection), and nobody asks for routers:
    /// to be written before interfaces are made, which inherit it.
    static let quietIPv6 = [
        ("net/ipv6/conf/default/accept_dad", "0"), ("net/ipv6/conf/default/accept_ra", "0"),
        ("net/ipv6/conf/default/router_solicitations", "0"),
    ]

    /// Writes them in order; the first that fails is thrown.
    static func write(
        _ settings: [(name: String, value: String)], in namespace: NetworkNamespace
    ) throws(KernelError) {
        try namespace.run(orElse: { $0 }) { () throws(KernelError) in
            for setting in settings { try Sysctl.write(setting.name, setting.value) }
        }
    }
}
