// The program that cyclonus asks, in each pod, for the pod's connections (its batch mode): it gets them as JSON, tries all of
// them at once and answers with what came of each. Cyclonus' own starts a process for each of them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	timeout  = time.Second
	attempts = 2
)

type request struct {
	Key      string
	Protocol string
	Host     string
	Port     int
}

type result struct {
	Request *request
	Output  string
	Error   string
}

// connect: a connection that is accepted, or a datagram that is answered.
func connect(r *request) error {
	address := net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
	switch r.Protocol {
	case "TCP":
		made, err := net.DialTimeout("tcp", address, timeout)
		if err == nil {
			made.Close()
		}
		return err
	case "UDP":
		made, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		defer made.Close()
		made.SetDeadline(time.Now().Add(timeout))
		if _, err = made.Write([]byte("hostname\n")); err == nil {
			_, err = made.Read(make([]byte, 1024))
		}
		return err
	}
	return fmt.Errorf("nothing here speaks %s", r.Protocol)
}

func main() {
	jobs := flag.String("jobs", "", "JSON: {Requests: [{Key, Protocol, Host, Port}]}")
	flag.Parse()
	var batch struct{ Requests []*request }
	if err := json.Unmarshal([]byte(*jobs), &batch); err != nil {
		log.Fatalf("worker: --jobs: %v", err)
	}
	results := make([]result, len(batch.Requests))
	var all sync.WaitGroup
	for i, one := range batch.Requests {
		all.Add(1)
		go func() {
			defer all.Done()
			err := connect(one)
			for attempt := 1; err != nil && attempt < attempts; attempt++ {
				err = connect(one)
			}
			results[i].Request = one
			if err != nil {
				results[i].Error = err.Error()
			}
		}()
	}
	all.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		log.Fatalf("worker: %v", err)
	}
}
