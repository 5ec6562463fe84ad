// flanneld as its own main runs it in a cluster (--kube-subnet-mgr --ip-masq), put together from flannel's packages: the
// cloud backends, which that main imports besides, cannot be had from every module proxy.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"sync"
	"syscall"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"
	_ "github.com/flannel-io/flannel/pkg/backend/udp"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	"github.com/flannel-io/flannel/pkg/trafficmngr/nftables"
)

const resyncSeconds = 5

func main() {
	kubeconfig := flag.String("kubeconfig", "", "who to be at the API server")
	netConf := flag.String("net-conf", "", "network and backend, as in flannel's ConfigMap")
	iface := flag.String("iface", "eth0", "the interface towards the other nodes")
	subnetFile := flag.String("subnet-file", "/run/flannel/subnet.env", "what the CNI plugin reads")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var group sync.WaitGroup

	manager := must(kube.NewSubnetManager(ctx, "", *kubeconfig, "flannel.alpha.coreos.com", *netConf, false))
	config := must(manager.GetNetworkConfig(ctx))
	stack := must(ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6))
	external := must(ipmatch.LookupExtIface(*iface, "", "", stack, ipmatch.PublicIPOpts{}))
	chosen := must(backend.NewManager(ctx, manager, external).GetBackend(config.BackendType))
	network := must(chosen.RegisterNetwork(ctx, &group, config))

	var rules trafficmngr.TrafficManager = &iptables.IPTablesManager{}
	if config.EnableNFTables {
		rules = &nftables.NFTablesManager{}
	}
	check(rules.Init(ctx))
	lease := network.Lease()
	// The previous network and subnets are these: nothing of an earlier configuration is to be cleared away.
	check(rules.SetupAndEnsureMasqRules(ctx, config.Network, lease.Subnet, config.Network, config.IPv6Network, lease.IPv6Subnet,
		config.IPv6Network, lease, resyncSeconds, false))
	rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, resyncSeconds)

	check(manager.HandleSubnetFile(*subnetFile, config, true, lease.Subnet, lease.IPv6Subnet, network.MTU()))
	group.Add(1)
	go func() {
		defer group.Done()
		network.Run(ctx)
	}()
	check(manager.CompleteLease(ctx, lease, &group))
	group.Wait()
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
