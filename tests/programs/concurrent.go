// Goroutines, channels, a loopback connection, os.Executable, a recovered panic, a child process.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

func sum() int {
	results := make(chan int)
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			runtime.Gosched()
			results <- n * n
		}(i)
	}
	go func() { group.Wait(); close(results) }()
	total := 0
	for n := range results {
		total += n
	}
	return total
}

func conversation() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	go func() {
		if server, err := listener.Accept(); err == nil {
			fmt.Fprintln(server, "hello from the server")
			server.Close()
		}
	}()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return "", err
	}
	defer client.Close()
	return bufio.NewReader(client).ReadString('\n')
}

func recovered() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	var pointer *int
	*pointer = 1 // a fault, which the runtime's signal handler makes a panic of
	return "not reached"
}

func main() {
	fmt.Println("sum", sum())
	fmt.Println(conversation())
	fmt.Println(recovered())
	executable, err := os.Executable()
	fmt.Println(filepath.Base(executable), err)
	output, err := exec.Command("echo", "from", "a", "child").Output()
	fmt.Printf("%s %v\n", output, err)
	fmt.Println(len(os.Args), os.Args[1:], os.Getenv("GREETING"))
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(5)
}
