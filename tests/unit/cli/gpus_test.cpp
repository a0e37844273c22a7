#include "cli/gpus.h"

#include <gtest/gtest.h>

#include "control/json_text.h"
#include "samples.h"

namespace ds01::cli {
namespace {

using namespace test;

TEST(GpusTextTest, ShowsTheHardware) {
  EXPECT_EQ(gpusText(busyMachine(), plainPaper()),
            R"(GPU  MODEL           SLOT  PROFILE    MEMORY     SHARE  STATE  UUID
0    A100-SXM4-80GB  0     full       80 GiB         1  held   GPU-0
1    A100-SXM4-80GB  1:0   2g.20gb  22.9 GiB  0.285714  held   MIG-1:0
                     1:1   2g.20gb  22.9 GiB  0.285714  free   MIG-1:1
                     1:2   2g.20gb  22.9 GiB  0.285714  free   MIG-1:2
2    A100-SXM4-80GB  2:0   3g.40gb  34.3 GiB  0.428571  held   MIG-2:0
                     2:1   3g.40gb  34.3 GiB  0.428571  held   MIG-2:1
3    A100-SXM4-80GB  3     full       80 GiB         1  free   GPU-3
)");
}

TEST(GpusTextTest, FitsAnOrdinaryTerminal) {
  control::StatusSnapshot snapshot;
  snapshot.gpus = {slot("1:0", 1, "2g.20gb", 285'714)};
  snapshot.gpus[0].uuid = "MIG-4a5b6c7d-0000-1111-2222-333344445555";
  EXPECT_EQ(gpusText(snapshot, terminal(80)),
            "GPU  MODEL           SLOT  PROFILE    MEMORY     SHARE  STATE   UUID\n"
            "1    A100-SXM4-80GB  1:0   2g.20gb  22.9 GiB  0.285714  ○ free  MIG-4a5b6c7d-00…\n");
}

TEST(GpusTextTest, WithoutGpusSaysSo) {
  EXPECT_EQ(gpusText({}, plainPaper()), "This machine has no GPUs to share.\n");
}

TEST(GpusTextTest, UnknownMemoryIsLeftEmpty) {
  control::StatusSnapshot snapshot;
  snapshot.gpus = {slot("0", 0, "full", 1'000'000)};
  snapshot.gpus[0].memory_mib.reset();
  EXPECT_EQ(gpusText(snapshot, plainPaper()),
            "GPU  MODEL           SLOT  PROFILE  SHARE  STATE  UUID\n"
            "0    A100-SXM4-80GB  0     full         1  free   GPU-0\n");
}

TEST(GpusJsonTest, HasTheRowsOfStatus) {
  control::StatusSnapshot snapshot;
  snapshot.gpus = {slot("1:0", 1, "2g.20gb", 285'714)};
  EXPECT_EQ(control::jsonText(gpusJson(snapshot)),
            R"({"api":1,"gpus":[{"slot":"1:0","uuid":"MIG-1:0","model":"NVIDIA A100-SXM4-80GB","profile":"2g.20gb",)"
            R"("gpu":1,"memory_mib":23405,"gpueq":0.285714,"state":"free","user":null,"since":null,"container":null,)"
            R"("container_id":null,"problem":null,"until":null}]})");
}

}  // namespace
}  // namespace ds01::cli
