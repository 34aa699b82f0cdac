#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <source_location>

namespace quasar {

/// Throws NumericalError with CUDA's own words and the place, unless it is success.
void check_cuda(cudaError_t status, std::source_location where = std::source_location::current());

/// Memory of the current device; throws ConfigError, saying what was asked and what there is, if it has too little.
void* allocate_on_device(std::size_t bytes);

struct CudaFree {
  void operator()(void* memory) const { cudaFree(memory); }
};
template <class T>
using DeviceArray = std::unique_ptr<T[], CudaFree>;

template <class T>
DeviceArray<T> array_on_device(std::size_t count) {
  return DeviceArray<T>(static_cast<T*>(allocate_on_device(count * sizeof(T))));
}

template <class T>
DeviceArray<T> copy_to_device(const T* from, std::size_t count) {
  auto array = array_on_device<T>(count);
  check_cuda(cudaMemcpy(array.get(), from, count * sizeof(T), cudaMemcpyHostToDevice));
  return array;
}

/// Shares `count` things among all usable devices: work(from, end) with its device current, in a host thread a device, so
/// that copies and kernels of different devices go on at the same time. Throws NumericalError if no device is left.
void for_each_device(std::size_t count, const std::function<void(std::size_t from, std::size_t end)>& work);

}  // namespace quasar
