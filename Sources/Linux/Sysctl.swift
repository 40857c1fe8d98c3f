// Kernel settings under /proc/sys. Those under net/ belong to the reader's network namespace:
// the thread that opens the file decides, so name the namespace.

/// Reading and writing kernel settings by their dotted or slashed name, e.g. `net/ipv4/ip_forward`.
package enum Sysctl {
    /// The value without the line's end; ENOENT for a setting that this kernel does not have.
    package static func read(
        _ name: String, in namespace: NetworkNamespace? = nil
    ) throws(KernelError) -> String {
        let text = try within(namespace) { () throws(KernelError) in
            try File.readText(path(name))
        }
        return text.last == "\n" ? String(text.dropLast()) : text
    }

    /// EACCES or EPERM where the file system is read-only, as in an unprivileged container.
    package static func write(
        _ name: String, _ value: String, in namespace: NetworkNamespace? = nil
    ) throws(KernelError) {
        try within(namespace) { () throws(KernelError) in
            try File.write(value, to: path(name))
        }
    }

    /// Slashes pass through, so that interface names with a dot (`eth0.7`) can be written.
    private static func path(_ name: String) -> String {
        let slashed = name.contains("/") ? name : String(name.map { $0 == "." ? "/" : $0 })
        return "/proc/sys/\(slashed)"
    }

    private static func within<T>(
        _ namespace: NetworkNamespace?, _ body: () throws(KernelError) -> T
    ) throws(KernelError) -> T {
        guard let namespace else { return try body() }
        return try namespace.run(orElse: { $0 }, body)
    }
}
