#include "mounts/pins/child.h"

int main() {
  return ds01::mounts::pins::runChild();
}
