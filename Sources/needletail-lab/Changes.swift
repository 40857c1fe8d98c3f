// What the CNI, EC2 and the network policy agent do to a running node.

import ArgumentParser
import Lab

struct PodCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pod", abstract: "Add and delete pods, as the CNI does.",
        subcommands: [Add.self, Delete.self])

    struct Add: ParsableCommand {
        @OptionGroup var name: NameOption
        @Argument(help: "The node.") var node: String
        @Argument(help: "The pod's name.") var pod: String
        @Option(help: "The pod's Kubernetes namespace.") var namespace = "default"
        @Option(help: "Take the address from this ENI.") var eni: String?

        func run() throws {
            let pod = try Lab.open(name.name).addPod(
                node: node, name: pod, namespace: namespace, eni: eni)
            print(pod.ipv4, pod.ipv6, pod.veth)
        }
    }

    struct Delete: ParsableCommand {
        @OptionGroup var name: NameOption
        @Argument(help: "The node.") var node: String
        @Argument(help: "The pod's name.") var pod: String

        func run() throws { try Lab.open(name.name).deletePod(node: node, name: pod) }
    }
}

struct ENICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eni", abstract: "Attach and detach ENIs, as EC2 does.",
        subcommands: [Attach.self, Detach.self])

    struct Attach: ParsableCommand {
        @OptionGroup var name: NameOption
        @Argument(help: "The node.") var node: String

        func run() throws {
            let eni = try Lab.open(name.name).attachENI(node: node)
            print(eni.ifname, eni.id, eni.ipv4, eni.ipv6)
        }
    }

    struct Detach: ParsableCommand {
        @OptionGroup var name: NameOption
        @Argument(help: "The node.") var node: String
        @Argument(help: "Interface name or id.") var eni: String

        func run() throws { try Lab.open(name.name).detachENI(node: node, eni: eni) }
    }
}

struct FilterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter", abstract: "Watch pods, as the network policy agent does.",
        subcommands: [Attach.self, Detach.self])

    struct Attach: ParsableCommand {
        @OptionGroup var name: NameOption
        @Argument(help: "NODE/POD.") var pod: String
        @Option(help: "Drop what goes to (ingress) or comes from (egress) the pod; repeatable.")
        var drop: [PolicyDirection] = []

        func run() throws { try Lab.open(name.name).attachFilter(pod, dropping: Set(drop)) }
    }

    struct Detach: ParsableCommand {
        @OptionGroup var name: NameOption
        @Argument(help: "NODE/POD.") var pod: String

        func run() throws { try Lab.open(name.name).detachFilter(pod) }
    }
}

extension PolicyDirection: ExpressibleByArgument {}
