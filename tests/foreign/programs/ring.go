// 100 goroutines pass tokens around a ring of channels, each keeping and dropping garbage; the collector runs meanwhile.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
)

type node struct {
	next *node
	data [64]byte
}

func pass(in <-chan int, out chan<- int, group *sync.WaitGroup, kept *int) {
	defer group.Done()
	var list *node
	for n := range in {
		list = nil
		for i := 0; i < 20; i++ {
			list = &node{next: list}
			list.data[0] = byte(n)
		}
		for at := list; at != nil; at = at.next {
			*kept += int(at.data[0])
		}
		out <- n + 1
	}
	close(out)
}

func main() {
	debug.SetGCPercent(10)
	const members, rounds = 100, 100
	var group sync.WaitGroup
	kept := make([]int, members)
	first := make(chan int)
	in := first
	for i := 0; i < members; i++ {
		out := make(chan int)
		group.Add(1)
		go pass(in, out, &group, &kept[i])
		in = out
	}
	value := 0
	for i := 0; i < rounds; i++ {
		first <- value
		value = <-in
		if i%10 == 9 {
			runtime.GC()
		}
	}
	close(first)
	<-in
	group.Wait()
	total := 0
	for _, n := range kept {
		total += n
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	collected := "never collected"
	if stats.NumGC >= 10 {
		collected = "collected"
	}
	os.Stdout.WriteString(strconv.Itoa(value) + " " + strconv.Itoa(total) + " " + collected + "\n")
	os.Exit(6)
}
