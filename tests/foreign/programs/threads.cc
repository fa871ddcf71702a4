// Threads, exceptions that cross a shared library in both directions and from thread to thread, streams.
#include "problem.h"
#include <atomic>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

static void across_the_library()
{
    try {
        fail(5);
    } catch (const std::exception &error) {
        std::cout << "caught " << error.what() << '\n';
    }
    std::cout << call([] { throw Problem("of the program"); }) << '\n';
    std::cout << call([] { throw std::out_of_range("of the C++ library"); }) << '\n';
}

static void many_threads()
{
    std::mutex mutex;
    std::atomic<long> count{0};
    long sum = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 8; n++)
        threads.emplace_back([&, n] {
            for (int i = 0; i < 300; i++)
                try {
                    fail(1);
                } catch (const Problem &) {
                    count++;
                }
            std::lock_guard<std::mutex> guard(mutex);
            sum += n;
        });
    for (auto &thread : threads)
        thread.join();
    std::cout << sum << ' ' << count << '\n';
}

static void from_thread_to_thread()
{
    auto later = std::async(std::launch::async, [] { fail(2); });
    try {
        later.get();
    } catch (const Problem &problem) {
        std::cout << "of the future: " << problem.what() << '\n';
    }
    std::exception_ptr kept;
    std::thread([&] {
        try {
            fail(0);
        } catch (...) {
            kept = std::current_exception();
        }
    }).join();
    try {
        std::rethrow_exception(kept);
    } catch (const Problem &problem) {
        std::cout << "rethrown: " << problem.what() << '\n';
    }
}

static void streams()
{
    std::ostringstream out;
    out << std::hex << std::showbase << 255 << std::dec << std::setw(9) << std::setfill('.') << std::fixed << std::setprecision(2) << 3.14159 << std::boolalpha << true;
    std::cout << out.str() << '\n';
    std::ofstream("made") << "12 word 3.5\n";
    int number = 0;
    std::string word, line;
    double fraction = 0;
    std::ifstream("made") >> number >> word >> fraction;
    std::cout << number << word << fraction << '\n';
    while (std::getline(std::cin, line))
        std::cout << line.size() << ' ';
    std::cout << std::endl;
    std::cerr << "to stderr" << std::endl;
}

int main()
{
    across_the_library();
    many_threads();
    from_thread_to_thread();
    streams();
    throw Problem("that nobody catches"); // terminate, SIGABRT
}
