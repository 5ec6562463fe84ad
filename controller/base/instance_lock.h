// One process of a kind in a network namespace: a lock that the kernel frees when the process ends,
// however it ends. It is an abstract Unix socket (unix(7)); whoever comes second connects to it to
// learn who was first.
//
// Any process in the network namespace can take the name, so a holder that runs as another user
// counts for nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "controller/base/wake.h"

namespace podgate::controller {

class InstanceLock {
 public:
  // `introduction`: what others are told of this process, in a few words ("node n1").
  InstanceLock(std::string name, std::string introduction);
  ~InstanceLock();
  InstanceLock(const InstanceLock&) = delete;
  InstanceLock& operator=(const InstanceLock&) = delete;

  enum class Outcome {
    kTaken,        // by this process, until the object is destroyed
    kHeld,         // by another one of this user
    kUnavailable,  // nobody can have it: there are no such sockets, or another user's process has
                   // it
  };
  // Waits that long for another one to end. Starts no thread.
  Outcome Take(std::chrono::milliseconds patience);
  // Who has it, "pid 812, node n1", after kHeld; why not, after kUnavailable.
  const std::string& reason() const { return reason_; }

  // From now on a thread answers those who come later.
  void Answer();

 private:
  int Bind();
  bool AskHolder();
  void Introduce() const;

  const std::string name_;
  const std::string introduction_;
  std::string reason_;
  int listener_ = -1;
  std::unique_ptr<WakeOn> answering_;
};

}  // namespace podgate::controller
