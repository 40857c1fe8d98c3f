// Whether the kernel, or a module that is loaded, has a function of a name: its BTF says so.
// bpf_skb_ct_lookup belongs to nf_conntrack, which is a module on most distributions.

import CLibBPF
import Glibc

extension Feature {
    /// Looks for `name` in the BTF of the kernel, then of each loaded module.
    func probeKernelFunction(_ name: String) throws(BPFError) -> Bool {
        LibraryLog.install()
        guard let kernel = btf__load_vmlinux_btf() else {
            throw .system(operation: "btf__load_vmlinux_btf", subject: description, errno: errno)
        }
        defer { btf__free(kernel) }
        if has(kernel, name) { return true }
        for module in modulesWithTypes() {
            guard let types = btf__load_module_btf(module, kernel) else { continue }
            defer { btf__free(types) }
            if has(types, name) { return true }
        }
        return false
    }

    private func has(_ types: OpaquePointer, _ name: String) -> Bool {
        btf__find_by_name_kind(types, name, UInt32(BPFSHIM_BTF_FUNC)) > 0
    }

    private func modulesWithTypes() -> [String] {
        guard let folder = opendir("/sys/kernel/btf") else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix("."), name != "vmlinux" { names.append(name) }
        }
        return names
    }
}
