// Every message that Podgate logs, in one place: people filter and alert on `msg`, so a message is
// an interface. It is lower case, names its subject, never changes with the values (those are
// fields), and is part of unit/controller/base/log_messages.txt, which a test compares with this
// file. No other file can make a LogMessage.
#pragma once

#include <string_view>

namespace podgate::controller {

class LogMessage {
 public:
  constexpr std::string_view text() const { return text_; }

 private:
  friend struct LogMessages;
  explicit constexpr LogMessage(std::string_view text) : text_(text) {}
  std::string_view text_;
};

struct LogMessages {
  // ---- the agent's life
  static constexpr LogMessage kAgentStarting{"agent is starting"};
  static constexpr LogMessage kLimits{"limits of each namespace"};
  static constexpr LogMessage kAgentStopping{"agent is stopping, the rules stay in the kernel"};
  static constexpr LogMessage kPoliciesEnforced{"policies are enforced"};
  static constexpr LogMessage kDryRun{"dry run: changes are printed, nothing is enforced"};
  static constexpr LogMessage kDryRunWithoutTable{
      "dry run: cannot read the table, the whole ruleset is printed"};

  static constexpr LogMessage kNodeDoesNotFit{
      "node name does not fit this machine, the rules in the kernel stay"};
  static constexpr LogMessage kNodeNoLongerFits{
      "node name no longer fits this machine, the rules are kept up to date"};
  static constexpr LogMessage kNodeFits{"node name fits this machine again"};
  static constexpr LogMessage kNoInstanceLock{
      "cannot tell whether another agent runs in this network namespace"};

  // ---- what is read from the API server
  static constexpr LogMessage kObjectsListed{"objects listed"};
  static constexpr LogMessage kListFailed{"list failed, the rules in the kernel stay in force"};
  static constexpr LogMessage kWatchFailed{"watch failed, the rules in the kernel stay in force"};
  static constexpr LogMessage kWatchResumed{"watch resumed"};
  static constexpr LogMessage kRequestRepeated{"request is repeated at once"};
  static constexpr LogMessage kPageTooLarge{"list page is too large, a smaller one is requested"};
  static constexpr LogMessage kObjectIgnored{"object without a readable name is ignored"};
  static constexpr LogMessage kTooManyObjects{"too many objects, those beyond are not followed"};
  static constexpr LogMessage kPodUnreadable{"pod cannot be read and is isolated"};
  static constexpr LogMessage kAddressContested{"address is claimed by several pods"};
  static constexpr LogMessage kNamespaceUnreadable{
      "namespace cannot be read, no namespace selector matches it"};
  static constexpr LogMessage kNamespaceEnding{
      "namespace is being deleted, its pods stay isolated until they are gone"};
  static constexpr LogMessage kPolicyKept{
      "policy was deleted with its namespace, it stays in force until the pods are gone"};
  static constexpr LogMessage kPolicyInvalid{
      "policy is invalid: its pods are isolated, its invalid parts allow nothing"};
  static constexpr LogMessage kPolicyWarning{"policy warning"};
  static constexpr LogMessage kOverBudget{"policies are over their budget and allow nothing"};

  // ---- what is sent to it
  static constexpr LogMessage kEventsRefused{"events are refused, sending is paused"};
  static constexpr LogMessage kEventDropped{"event was not sent and is dropped"};

  // ---- the table
  static constexpr LogMessage kChangeApplied{"change applied"};
  static constexpr LogMessage kApplyFailed{"cannot apply the ruleset, retrying"};
  static constexpr LogMessage kTableUnreadable{"cannot read the table, retrying"};
  static constexpr LogMessage kGenerationUnreadable{"cannot read the ruleset generation, retrying"};
  static constexpr LogMessage kTableChanged{"table inet podgate was changed, reverted"};
  static constexpr LogMessage kTableDeleted{"table inet podgate was deleted, restored"};
  static constexpr LogMessage kGuardTableChanged{"table netdev podgate was changed, reverted"};
  static constexpr LogMessage kGuardTableDeleted{"table netdev podgate was deleted, restored"};
  static constexpr LogMessage kNoMonitor{
      "cannot subscribe to ruleset changes, polling twice a second"};

  // ---- the kernel
  static constexpr LogMessage kNoSourceGuard{
      "kernel cannot check what pods send from, forged packets are not dropped"};
  static constexpr LogMessage kSourceGuardStays{
      "cannot remove table netdev podgate, pods are still guarded"};
  static constexpr LogMessage kKernelPartMissing{"kernel lacks a part that the agent needs"};
  static constexpr LogMessage kKernelComplete{"kernel has all parts that the agent needs again"};
  static constexpr LogMessage kOtherRules{
      "other rules in this kernel decide about the packets of pods"};
  static constexpr LogMessage kNoOtherRules{
      "no other rules in this kernel decide about the packets of pods any more"};
  static constexpr LogMessage kIpvsFound{"node uses ipvs, the output hook is policed as well"};
  static constexpr LogMessage kIpvsGone{"node no longer uses ipvs"};

  // ---- traffic past the rules
  static constexpr LogMessage kBridgeFilteringEnabled{
      "bridge filtering enabled: pods of this node are attached to a bridge"};
  static constexpr LogMessage kBridgeFilteringReenabled{
      "bridge filtering was disabled, re-enabled"};
  static constexpr LogMessage kBridgedTrafficBypasses{"bridged traffic bypasses the rules"};
  static constexpr LogMessage kBridgeFilteringUnknown{
      "cannot check bridge filtering, bridged traffic may bypass the rules"};
  static constexpr LogMessage kBridgedTrafficFiltered{"bridged traffic is filtered again"};
  static constexpr LogMessage kPodNotEnforceable{
      "policies cannot be enforced for a pod, its traffic may bypass the rules"};
  static constexpr LogMessage kPodTrafficFiltered{"pod traffic is filtered again"};

  // ---- addresses that pods have beside those of their statuses
  static constexpr LogMessage kFurtherAddresses{
      "pod has addresses that its status does not list, its rules cover them"};
  static constexpr LogMessage kAddressesNotCovered{"pod has addresses that no rule covers"};
  static constexpr LogMessage kNamespaceNotFound{
      "network namespace of a pod was not found, its further addresses are not covered"};
  static constexpr LogMessage kAddressesUnreadable{
      "cannot read the addresses of pods, the rules cover only those of their statuses"};

  // ---- established flows
  static constexpr LogMessage kFlowsCut{"denied flows were cut"};
  static constexpr LogMessage kFlowsChecked{"checked established flows"};
  static constexpr LogMessage kChangedFlowsChecked{
      "checked established flows of changed addresses"};
  static constexpr LogMessage kCutFlowEntriesChecked{"checked cut-flow entries"};
  static constexpr LogMessage kFlowCheckFailed{
      "cannot check established flows, denied flows may continue"};
  static constexpr LogMessage kFlowsNotCut{
      "cannot cut denied flows: the kernel refused to delete their conntrack entries"};
  static constexpr LogMessage kFlowsResumable{
      "flows were cut without a cut-flow entry, their peers may resume them"};
  static constexpr LogMessage kCutFlowEntriesDisplaced{
      "too many cut-flow entries, the oldest gave way, their flows may be resumed"};
  static constexpr LogMessage kCutFlowEntriesNotRenewed{"cannot renew cut-flow entries, retrying"};
  static constexpr LogMessage kFlowsForgotten{
      "flows of addresses that changed hands were deleted from conntrack"};
  static constexpr LogMessage kFlowsNotForgotten{
      "cannot delete the flows of addresses that changed hands, retrying"};
  static constexpr LogMessage kFlowsStay{
      "conntrack is not available, flows of addresses that change hands are not deleted"};
  static constexpr LogMessage kNoConntrack{
      "conntrack is not available, flows that a change denies are not cut"};
  static constexpr LogMessage kCutFlowEntriesStay{
      "cannot remove the cut-flow entries of an earlier run"};

  // ---- probes and metrics
  static constexpr LogMessage kServing{"serving probes and metrics"};
  static constexpr LogMessage kNotServing{
      "cannot serve probes and metrics, enforcement is not affected"};
  static constexpr LogMessage kNotListening{
      "cannot listen for probes and metrics, retrying, enforcement is not affected"};
};

}  // namespace podgate::controller
