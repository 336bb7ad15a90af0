export{c5_a as a,c5_b as b,c5_c as c,c5_d as d,c5_e as e,c5_f as f,c5_g as g,c5_h as h,c5_i as i,c5_j as j,c5_k as k,c5_l as l,c5_m as m,c5_n as n,c5_o as o,c5_p as p,c5_q as q}from"./run.js";
