select customer, revenue from revenue order by revenue desc limit 3
