// What the contract says of flags: precedence, defaults, and complaints that name flag and origin.

import ArgumentParser
import Linux
import Model
import Testing

@testable import Agent

/// Parses as `needletail run` does, with files by name instead of a disk.
private func configure(
    _ arguments: [String] = [], environment: [String: String] = [:], files: [String: String] = [:]
) throws -> Configuration {
    let layers = try OptionLayers.resolve(
        commandLine: RunArguments.parse(arguments).layer, environment: environment
    ) { path throws(KernelError) in
        guard let text = files[path] else {
            throw KernelError(call: "open", subject: path, errno: .noEntry)
        }
        return text
    }
    return try Configuration(layers, environment: environment, hostName: "host")
}

@Suite struct OptionsTests {
    @Test("without any word, every setting has the contract's default")
    func defaults() throws {
        let configuration = try configure()
        #expect(configuration == Configuration(nodeName: "host"))
        #expect(configuration.healthz?.description == "0.0.0.0:10256")
        #expect(configuration.metrics?.description == "127.0.0.1:10249")
        #expect(configuration.settings.vethPrefix == "eni")
    }

    @Test(
        "command line beats environment beats config file beats kube-proxy's configuration"
    )
    func precedence() throws {
        let files = [
            "/c": "node-name: file\nkube-proxy-config: /k\n",
            "/k": """
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            kind: KubeProxyConfiguration
            hostnameOverride: proxy
            healthzBindAddress: 0.0.0.0
            metricsBindAddress: 127.0.0.1:9999
            """,
        ]
        var environment = [
            "NEEDLETAIL_CONFIG": "/c", "NEEDLETAIL_NODE_NAME": "environment", "NODE_NAME": "n",
        ]
        let all = try configure(["--node-name", "flag"], environment: environment, files: files)
        #expect(all.nodeName == "flag")
        #expect(try configure(environment: environment, files: files).nodeName == "environment")
        environment["NEEDLETAIL_NODE_NAME"] = ""
        #expect(try configure(environment: environment, files: files).nodeName == "file")
        let weakest = try configure(
            ["--kube-proxy-config", "/k"], environment: ["NODE_NAME": "n"], files: files)
        #expect(weakest.nodeName == "proxy")
        #expect(weakest.healthz?.description == "0.0.0.0:10256")
        #expect(weakest.metrics?.port == 9999)
        #expect(try configure(environment: ["NODE_NAME": "n"]).nodeName == "n")
    }

    @Test("every flag can be given on the command line, in the environment and in the config file")
    func everyFlag() throws {
        let samples: [Setting: String] = [
            .mode: "active", .nodeName: "n", .servicesFrom: "/m", .kubeconfig: "/k",
            .apiServer: "https://10.0.0.1", .ipamd: "unix:/run/x", .ipamCheckpoint: "off",
            .imds: "off",
            .vpcCIDR: "10.0.0.0/16,fd00::/56", .snatExcludeCIDR: "10.1.0.0/16",
            .serviceCIDR: "10.100.0.0/16", .bpffs: "/b", .cgroup: "/c", .stateDirectory: "/s",
            .control: "/r", .primaryInterface: "eth0", .eniInterfaces: "eth0,eth1",
            .vethPrefix: "pod",
            .socketLB: "host-only", .podRouting: "off", .socketLBExcludeCgroup: "*/mesh",
            .xdp: "native",
            .snat: "bpf", .nodePortAddresses: "primary", .localhostNodePorts: "on",
            .masqueradeAll: "on",
            .detectLocal: "none", .masqueradePorts: "50000-50010", .newFlowsPerSecond: "0",
            .flowMemory: "8",
            .setSysctls: "off",
            .healthzBindAddress: "[::1]:1", .metricsBindAddress: "off", .logLevel: "debug",
            .logFormat: "json",
        ]
        #expect(
            samples.count == Setting.allCases.count - 2, "config and kube-proxy-config name files")
        let byFlag = try configure(samples.flatMap { ["--\($0.key.rawValue)", $0.value] })
        let byEnvironment = try configure(
            environment: Dictionary(
                uniqueKeysWithValues: samples.map { ($0.key.environmentVariable, $0.value) }))
        let yaml = samples.map { "\($0.key.rawValue): \"\($0.value)\"" }.joined(separator: "\n")
        let byFile = try configure(["--config", "/f"], files: ["/f": yaml])
        let anonymous = [byFlag, byEnvironment, byFile].map {
            var copy = $0
            copy.origins = [:]
            return copy
        }
        #expect(anonymous[0] == anonymous[1])
        #expect(anonymous[0] == anonymous[2])
        #expect(byFlag.vpcCIDRs.map(\.description) == ["10.0.0.0/16", "fd00::/56"])
        #expect(byFlag.metrics == nil)
        #expect(byFlag.ipamCheckpoint == nil)
        let defaults = Configuration(nodeName: "host")
        #expect(anonymous[0].mode != defaults.mode && anonymous[0].masqueradePorts == 50000...50010)
    }

    @Test("environment variables are the flag in upper case with underscores")
    func variableNames() {
        #expect(
            Setting.socketLBExcludeCgroup.environmentVariable
                == "NEEDLETAIL_SOCKET_LB_EXCLUDE_CGROUP")
        #expect(Setting.vpcCIDR.environmentVariable == "NEEDLETAIL_VPC_CIDR")
    }

    @Test("lists are comma-separated or repeated, on the command line and in the file")
    func lists() throws {
        let repeated = try configure([
            "--vpc-cidr", "10.0.0.0/16", "--vpc-cidr", "fd00::/56,10.1.0.0/16",
        ])
        let file = try configure(
            ["--config", "/f"], files: ["/f": "vpc-cidr: [10.0.0.0/16, 'fd00::/56', 10.1.0.0/16]"])
        #expect(repeated.vpcCIDRs.count == 3)
        #expect(repeated.vpcCIDRs == file.vpcCIDRs)
    }

    @Test("a switch such as --masquerade-all needs no value")
    func bareSwitch() throws {
        #expect(try configure(["--masquerade-all"]).masqueradeAll)
        #expect(try configure(["--masquerade-all=true"]).masqueradeAll)
        #expect(try !configure(["--masquerade-all", "off", "--log-level", "info"]).masqueradeAll)
        #expect(try configure(["--masquerade-all", "--log-level", "info"]).masqueradeAll)
    }

    @Test(
        "a bad value is refused with the flag's name and where it came from",
        arguments: [
            ("NEEDLETAIL_XDP", "fast", "--xdp: \"fast\" is none of off, auto, native, generic"),
            (
                "NEEDLETAIL_VPC_CIDR", "10.0.0.0/33",
                "--vpc-cidr: \"10.0.0.0/33\" is no address prefix"
            ),
            ("NEEDLETAIL_VPC_CIDR", "10.0.0.0/8,", "--vpc-cidr: the list has an empty item"),
            (
                "NEEDLETAIL_FLOW_MEMORY", "0",
                "--flow-memory: \"0\" is no number of MiB from 1 to 65536"
            ),
            ("NEEDLETAIL_BPFFS", "here", "--bpffs: \"here\" is no absolute path"),
            (
                "NEEDLETAIL_HEALTHZ_BIND_ADDRESS", "x:1",
                "--healthz-bind-address: \"x:1\" is no ADDRESS:PORT"
            ),
            (
                "NEEDLETAIL_HEALTHZ_BIND_ADDRESS", "[10.0.0.1]:1",
                "--healthz-bind-address: \"[10.0.0.1]:1\""
            ),
            (
                "NEEDLETAIL_VETH_PREFIX", "abcde",
                "--veth-prefix: \"abcde\" is longer than 4 characters"
            ),
            ("NEEDLETAIL_IPAMD", "unix:x", "--ipamd: \"unix:x\" has no absolute path after unix:"),
            (
                "NEEDLETAIL_ENI_INTERFACES", "eth0,sixteencharacter",
                "--eni-interfaces: \"sixteencharacter\""
            ),
            (
                "NEEDLETAIL_MASQUERADE_PORTS", "2-1",
                "--masquerade-ports: \"2-1\" is no range of ports"
            ),
            (
                "NEEDLETAIL_LOCALHOST_NODEPORTS", "maybe",
                "--localhost-nodeports: \"maybe\" is neither on nor off"
            ),
        ])
    func badValues(variable: String, value: String, complaint: String) {
        let error = #expect(throws: UsageError.self) {
            try configure(environment: [variable: value])
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix(complaint))
        #expect(text.hasSuffix("(from the environment, \(variable))"))
    }

    @Test(
        "a config file with an unknown key, another shape or no YAML is refused by its path",
        arguments: [
            "mdoe: active", "- mode", "mode: [active]", "mode: 'x", "config: /x",
            "mode: a\nmode: b",
        ])
    func badFiles(yaml: String) {
        let error = #expect(throws: UsageError.self) {
            try configure(["--config", "/etc/nt.yaml"], files: ["/etc/nt.yaml": yaml])
        }
        #expect(error?.description.contains("/etc/nt.yaml") == true)
    }

    @Test("a file that can't be read is refused by the flag that names it")
    func missingFile() {
        let error = #expect(throws: UsageError.self) { try configure(["--config", "/nowhere"]) }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("--config: open /nowhere: ENOENT"))
        #expect(text.hasSuffix("(on the command line)"))
    }

    @Test("kube-proxy's configuration gives what maps simply")
    func kubeProxy() throws {
        let yaml = """
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            kind: KubeProxyConfiguration
            clusterCIDR: ""
            detectLocalMode: ClusterCIDR
            nodePortAddresses: [10.0.0.0/8, "fd00::/8"]
            iptables:
              masqueradeAll: true
            conntrack: {maxPerCore: 32768}
            """
        let configuration = try configure(["--kube-proxy-config", "/k"], files: ["/k": yaml])
        #expect(configuration.detectLocal == .none)
        #expect(configuration.masqueradeAll)
        #expect(
            configuration.nodePortAddresses
                == .prefixes([CIDR("10.0.0.0/8"), CIDR("fd00::/8")].compactMap(\.self)))
        #expect(
            configuration.origins[.masqueradeAll]
                == .kubeProxy(path: "/k", field: "iptables.masqueradeAll"))
        #expect(throws: UsageError.self) {
            try configure(["--kube-proxy-config", "/k"], files: ["/k": "kind: ConfigMap"])
        }
    }

    @Test("what this version can't do is refused by flag, origin and remedy; its defaults are not")
    func unsupported() throws {
        let plain = Unsupported(
            try configure(["--services-from", "/m", "--vpc-cidr", "10.0.0.0/16"]))
        #expect(plain.refusals.isEmpty && plain.remarks.isEmpty)
        let asked = try configure(
            ["--set-sysctls", "on", "--mode", "shadow"], environment: ["NEEDLETAIL_SNAT": "bpf"])
        let refusals = Unsupported(asked).refusals
        #expect(refusals.count == 4)
        #expect(
            refusals.contains {
                $0.hasPrefix("--services-from kubernetes: ") && $0.hasSuffix("DIR")
            })
        #expect(
            refusals.contains(
                "--snat (from the environment, NEEDLETAIL_SNAT): this version has no support for "
                    + "SNAT in a flow entry; use kernel"))
    }

    @Test("what decides who is translated how reaches Resolve; ranges of pods are refused")
    func translation() throws {
        let flags = [
            "--services-from", "/m", "--vpc-cidr", "10.0.0.0/16", "--detect-local", "none",
            "--nodeport-addresses", "10.0.0.0/8,fd00::/8", "--masquerade-all",
            "--masquerade-ports", "50000-50010", "--new-flows-per-second", "7",
        ]
        let configuration = try configure(flags)
        #expect(Unsupported(configuration).refusals == [])
        let settings = configuration.settings
        #expect(settings.localDetection == .none && settings.masqueradesAll)
        #expect(settings.masqueradePorts == 50000...50010 && settings.newFlowsPerSecond == 7)
        #expect(
            settings.nodePortAddresses
                == .prefixes([CIDR("10.0.0.0/8")!, CIDR("fd00::/8")!]))
        for mode in ["cluster-cidr", "node-cidr"] {
            let refusals = Unsupported(try configure(flags + ["--detect-local", mode])).refusals
            #expect(refusals.count == 1)
            #expect(refusals.first?.hasPrefix("--detect-local (on the command line)") == true)
            #expect(refusals.first?.hasSuffix("use interfaces or none") == true)
        }
        #expect(throws: UsageError.self) { try configure(["--new-flows-per-second", "many"]) }
    }

    @Test("what only kube-proxy's configuration asks for is named and left out")
    func predecessor() throws {
        let yaml = """
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            kind: KubeProxyConfiguration
            detectLocalMode: NodeCIDR
            """
        let verdict = Unsupported(
            try configure(
                ["--services-from", "/m", "--kube-proxy-config", "/k", "--vpc-cidr", "fd00::/56"],
                files: ["/k": yaml]))
        #expect(verdict.refusals.isEmpty)
        #expect(verdict.remarks.count == 1)
        #expect(verdict.remarks.first?.contains("detectLocalMode in /k") == true)
    }
}
