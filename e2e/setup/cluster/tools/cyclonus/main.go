// cyclonus's generated cases, run by its own packages as its `generate` does, but for three things: every pod probes all its
// connections in one kubectl exec (its batch mode, which its command line does not reach any more), a case that cannot be set
// up does not end the others, and a pod in a new namespace waits for the service account there.
package main

import (
	"flag"
	"fmt"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/mattfenwick/cyclonus/pkg/connectivity"
	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/kube"
	v1 "k8s.io/api/core/v1"
)

const accountSeconds = 30

var namespaces = []string{"x", "y", "z"}
var pods = []string{"a", "b", "c"}

// patient is a cluster in which the service account of a new namespace may take its time.
type patient struct{ kube.IKubernetes }

func (p patient) CreatePod(pod *v1.Pod) (*v1.Pod, error) {
	deadline := time.Now().Add(accountSeconds * time.Second)
	for {
		made, err := p.IKubernetes.CreatePod(pod)
		if err == nil || !strings.Contains(err.Error(), "service account") && !strings.Contains(err.Error(), "serviceaccount") ||
			time.Now().After(deadline) {
			return made, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func must(err error) {
	if err != nil {
		log.Fatalf("cyclonus: %v", err)
	}
}

func main() {
	include := flag.String("include", "", "tags of the cases to run; none: all")
	exclude := flag.String("exclude", "", "tags of cases to leave out")
	protocols := flag.String("server-protocol", "TCP,UDP", "what the pods serve")
	ports := flag.String("server-port", "80,81", "on which ports")
	wait := flag.Int("perturbation-wait-seconds", 1, "after each change")
	retries := flag.Int("retries", 1, "of a step with wrong connections")
	ready := flag.Int("pod-creation-timeout-seconds", 60, "until the pods run")
	onlyList := flag.Bool("list", false, "print the cases' names and end; needs no cluster")
	flag.Parse()

	must(generator.ValidateTags(append(list(*include), list(*exclude)...)))
	var cluster kube.IKubernetes = kube.NewMockKubernetes(1)
	if !*onlyList {
		real, err := kube.NewKubernetesForContext("")
		must(err)
		cluster = patient{real}
	}
	var serverPorts []int
	for _, text := range list(*ports) {
		port, err := strconv.Atoi(text)
		must(err)
		serverPorts = append(serverPorts, port)
	}
	var serverProtocols []v1.Protocol
	for _, text := range list(*protocols) {
		serverProtocols = append(serverProtocols, v1.Protocol(text))
	}
	resources, err := probe.NewDefaultResources(cluster, namespaces, pods, serverPorts, serverProtocols, nil, *ready, true, "")
	must(err)
	of, err := resources.GetPod("z", "c") // the pod that the cases about address blocks are about
	must(err)
	cases := generator.NewTestCaseGenerator(true, of.IP, namespaces, list(*include), list(*exclude)).GenerateTestCases()
	for i, testCase := range cases {
		fmt.Printf("test #%d: %s\n", i+1, testCase.Description)
	}
	if *onlyList {
		return
	}
	interpreter := connectivity.NewInterpreter(cluster, resources, &connectivity.InterpreterConfig{
		ResetClusterBeforeTestCase:       true,
		VerifyClusterStateBeforeTestCase: true,
		BatchJobs:                        true,
		IgnoreLoopback:                   true,
		KubeProbeRetries:                 *retries,
		PerturbationWaitSeconds:          *wait,
	})
	printer := &connectivity.Printer{IgnoreLoopback: true}
	for i, testCase := range cases {
		for _, step := range testCase.Steps {
			step.Probe.Mode = generator.ProbeModePodIP
		}
		fmt.Printf("starting test case #%d\n", i+1)
		if result := interpreter.ExecuteTestCase(testCase); result.Err != nil {
			fmt.Printf("broken policy #%d: %s\n", i+1, strings.ReplaceAll(result.Err.Error(), "\n", " "))
		} else {
			printer.PrintTestCaseResult(result)
			fmt.Printf("finished policy #%d\n", i+1)
		}
	}
}
