// Boost.Asio, Beast's separately compiled parts: once, here.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
